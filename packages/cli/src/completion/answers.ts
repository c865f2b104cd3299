import { constants } from 'node:os';
import type { OperationView } from '@banger/contract/operation';
import type { DaemonClient } from '../client.ts';
import type { Machine } from '../machine.ts';
import { subjectText } from '../render/operations.ts';
import type { Answer, Candidate } from './answer.ts';
import { flagsOf } from './flags.ts';
import type { Asked, Question } from './question.ts';
import { shells } from './shells.ts';

/** A person waits with a finger on the key: a daemon that takes longer has no names to offer. */
const LOOK_MS = 1_000;

/** Answers a question; of a daemon that runs it has the names of things, and of none it has no names. Never rejects. */
export async function answer({ question, prefix, begun }: Asked, machine: Machine): Promise<Answer> {
  if (question.kind === 'value' && question.placeholder === 'path') return { candidates: [], files: true };
  const all = await candidatesFor(question, begun, machine);
  const fitting = all.filter(({ value }) => value.startsWith(begun));
  return {
    candidates: fitting.map(({ value, description }) => ({ value: prefix + value, description })),
    files: false,
  };
}

async function candidatesFor(
  question: Question,
  begun: string,
  machine: Machine,
): Promise<readonly Candidate[]> {
  switch (question.kind) {
    case 'command':
      return question.entries.map(({ name, summary }) => ({ value: name, description: summary }));
    case 'option':
      return [
        ...question.rows.map((row) => ({ value: flagsOf(row).long, description: row.text })),
        { value: '--help', description: 'show this help' },
      ];
    case 'choice':
      return plain(question.choices);
    case 'value':
      return values(question, begun, machine);
    case 'nothing':
      return [];
  }
}

async function values(
  { placeholder, group, given }: Extract<Question, { kind: 'value' }>,
  begun: string,
  machine: Machine,
): Promise<readonly Candidate[]> {
  if (placeholder === 'shell') return plain(shells);
  if (placeholder === 'signal') return plain(signals(begun));
  const isName = placeholder === 'name' || placeholder === 'names';
  const list = lists[isName ? `${group} name` : placeholder];
  if (list === undefined) return [];
  const found = await ask(machine, list);
  return found.filter(({ value }) => !given.includes(value));
}

type List = (client: DaemonClient, signal: AbortSignal) => Promise<readonly Candidate[]>;

/** Who is asked for what a placeholder stands for. An image or a kernel to be used may also be one that is to be fetched. */
const lists: Readonly<Record<string, List | undefined>> = {
  'vm name': vms,
  vm: vms,
  'image name': async (client, signal) =>
    (await client.call('image.list', { available: false }, { signal })).map(stored),
  'kernel name': async (client, signal) =>
    (await client.call('kernel.list', { available: false }, { signal })).map(stored),
  image: async (client, signal) =>
    (await client.call('image.list', { available: true }, { signal })).map(stored),
  kernel: async (client, signal) =>
    (await client.call('kernel.list', { available: true }, { signal })).map(stored),
  operation: async (client, signal) =>
    (await client.call('operation.list', { all: true }, { signal })).map(operation),
  // Those that can be cancelled.
  operations: async (client, signal) =>
    (await client.call('operation.list', { all: false }, { signal })).map(operation),
};

async function vms(client: DaemonClient, signal: AbortSignal): Promise<readonly Candidate[]> {
  const list = await client.call('vm.list', {}, { signal });
  return list.map(({ name, state, spec }) => ({ value: name, description: `${state}, ${spec.image}` }));
}

function operation({ id, method, on, state }: OperationView): Candidate {
  return { value: id, description: `${state}, ${subjectText({ method, on })}` };
}

function stored({ name, present }: { readonly name: string; readonly present: boolean }): Candidate {
  return { value: name, description: present ? 'here' : 'in the catalog' };
}

async function ask(machine: Machine, list: List): Promise<readonly Candidate[]> {
  const late = new AbortController();
  const cancel = machine.clock.after(LOOK_MS, () => late.abort());
  let client: DaemonClient | undefined;
  try {
    client = await machine.connect({ start: false, signal: late.signal });
    return client === undefined ? [] : await list(client, late.signal);
  } catch {
    return []; // Whatever is the matter, the command itself will tell it; between two keys is no place for that.
  } finally {
    cancel();
    client?.close();
  }
}

/** Names as people write them, with `SIG` only for those who began with it. */
function signals(begun: string): readonly string[] {
  const names = Object.keys(constants.signals);
  return begun.startsWith('SIG') ? names : names.map((name) => name.replace(/^SIG/, ''));
}

function plain(words: readonly string[]): readonly Candidate[] {
  return words.map((value) => ({ value, description: '' }));
}
