import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmView } from '@banger/contract/vm';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { banger, bangerJson, type Outcome } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { restsAfter, type Done, type Meaning } from './model.ts';

const home = sharedHome();

/** Given again, it is the same commands; how they meet depends on the machine. */
const seed = Number(process.env['BANGER_RACE_SEED'] ?? Date.now() % 2 ** 31);
const CLIENTS = 3;
const COMMANDS = 10;
/** A client that loses its patience does so at some moment of a boot. */
const PATIENCE_MS = 4_000;
/** The exit status after a Ctrl-C: 128 + SIGINT. */
const INTERRUPTED = 130;
/** A boot on a machine that does several at once, behind another that has to end first. */
const COMMAND_TIMEOUT_MS = 120_000;

interface Step {
  readonly verb: keyof typeof verbs;
  readonly vm: string;
  /** Milliseconds until its user presses Ctrl-C. */
  readonly patience: number | null;
}

/** A step that was played. */
interface Played extends Step, Done<keyof typeof verbs> {
  readonly verb: Step['verb'];
}

/** What a command that starts a VM may leave when it is cancelled, by its user or by another command. */
const CUT_OFF = ['absent', 'stopped', 'running'] as const;
const stays = { absent: ['absent'], stopped: ['stopped'], running: ['running'] } as const;

/** Each verb's command line, the refusals that it may meet when others are at the same VMs, and what it means. */
const verbs = {
  create: {
    argv: (vm: string) => ['create', '--name', vm, '--memory', '256'],
    refusals: ['name_taken', 'cancelled'],
    does: { absent: ['running'] },
    mayLeave: CUT_OFF,
  },
  start: {
    argv: (vm: string) => ['start', vm],
    refusals: ['vm_not_found', 'vm_state', 'cancelled'],
    does: { stopped: ['running'], running: ['running'] },
    mayLeave: CUT_OFF,
  },
  stop: {
    argv: (vm: string) => ['stop', vm],
    refusals: ['vm_not_found'],
    does: { running: ['stopped'], stopped: ['stopped'] },
    mayLeave: ['stopped'],
  },
  kill: {
    argv: (vm: string) => ['kill', vm],
    refusals: ['vm_not_found', 'vm_not_running'],
    // One that was up when it was asked for, and is stopped by now, is as asked.
    does: { running: ['stopped'], stopped: ['stopped'] },
    mayLeave: ['stopped'],
  },
  restart: {
    argv: (vm: string) => ['restart', vm],
    refusals: ['vm_not_found', 'cancelled'],
    does: { running: ['running'], stopped: ['running'] },
    mayLeave: CUT_OFF,
  },
  delete: {
    argv: (vm: string) => ['delete', vm],
    refusals: ['vm_not_found'],
    // Whoever asked at the same time as somebody else is told the same.
    does: { running: ['absent'], stopped: ['absent'], absent: ['absent'] },
    mayLeave: ['absent'],
  },
  exec: {
    argv: (vm: string) => ['exec', vm, '--', 'sleep', '1'],
    refusals: ['vm_not_found', 'vm_not_running', 'agent_not_ready', 'agent_lost', 'vmm_gone'],
    does: { running: ['running'] },
  },
  list: { argv: () => ['list'], refusals: [], does: stays },
  // These are at all VMs: what comes into use meanwhile they leave alone, and say so.
  prune: {
    argv: () => ['prune', '--force'],
    refusals: [],
    does: { ...stays, stopped: ['stopped', 'absent'] },
    mayLeave: ['absent'],
  },
  gc: { argv: () => ['gc'], refusals: [], does: stays },
} as const satisfies Readonly<
  Record<string, Meaning & { argv: (vm: string) => readonly string[]; refusals: readonly string[] }>
>;
/** Those that are at every VM. */
const everywhere: ReadonlySet<Step['verb']> = new Set(['prune', 'gc', 'list']);

const VMS = ['race-one', 'race-two', 'race-six'] as const;
const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom(...(Object.keys(verbs) as Step['verb'][]), 'create', 'start', 'exec'),
  vm: fc.constantFrom(...VMS),
  patience: fc.option(fc.nat(PATIENCE_MS), { freq: 4 }),
});
const [clients = []] = fc.sample(
  fc.array(fc.array(step, { minLength: COMMANDS, maxLength: COMMANDS }), {
    minLength: CLIENTS,
    maxLength: CLIENTS,
  }),
  { seed, numRuns: 1 },
);

async function play({ verb, vm, patience }: Step): Promise<Outcome> {
  const over = new AbortController();
  const after = (ms: number, signal: NodeJS.Signals) => (child: ChildProcess) =>
    void sleep(ms, undefined, { signal: over.signal }).then(
      () => child.kill(signal),
      () => undefined,
    );
  const onStart = patience === null ? after(COMMAND_TIMEOUT_MS, 'SIGKILL') : after(patience, 'SIGINT');
  try {
    const argv = verbs[verb].argv(vm);
    return await banger(verb === 'gc' ? argv : ['vm', ...argv], { home, onStart });
  } finally {
    over.abort();
  }
}

/** It did its work, or says by one code why not: that of a refusal that it may meet, or that its user gave it up. */
function expectAllowed({ verb, vm, patience }: Step, { status, stderr, signal }: Outcome): void {
  const told = `${verb} ${vm} ended with ${status ?? signal}:\n${stderr}`;
  const codes = [...stderr.matchAll(/^error\[(\w+)\]/gm)].map(([, code]) => code);
  if (status === 0) {
    expect(codes, told).toEqual([]);
    return;
  }
  // A Ctrl-C that comes before the program has begun to listen for it just ends it; of one that comes when the work is done the status tells.
  const wordless = signal === 'SIGINT' || status === INTERRUPTED;
  const givenUp = patience === null ? [] : ['cancelled', ...(wordless ? [''] : [])];
  expect([...verbs[verb].refusals, ...givenUp], told).toContain(codes.join());
}

/** Each VM that is said to run has one VMM, and no other has any. */
async function expectTruth(): Promise<readonly VmView[]> {
  const views = await bangerJson<VmView[]>(['vm', 'list'], { home });
  const vmms = vmProcessesOf(home).filter(({ argv }) => argv.includes('qemu-system'));
  for (const { id, name, state } of views) {
    expect(['running', 'stopped', 'error']).toContain(state);
    expect(
      vmms.filter(({ argv }) => argv.includes(id)),
      `${name} is ${state}`,
    ).toHaveLength(state === 'running' ? 1 : 0);
  }
  expect(vmms).toHaveLength(views.filter(({ state }) => state === 'running').length);
  return views;
}

/** Some order of the commands explains where each VM is; one that has failed (a boot may, on a busy machine) is explained by its reason. */
function expectExplained(played: readonly (readonly Played[])[], views: readonly VmView[]): void {
  for (const vm of VMS) {
    const state = views.find(({ name }) => name === vm)?.state ?? 'absent';
    if (state === 'error') continue;
    const clients = played.map((commands) =>
      commands.filter((command) => command.vm === vm || everywhere.has(command.verb)),
    );
    const told = clients.map((commands) =>
      commands.map(({ verb, ok }) => `${verb}${ok ? '' : '?'}`).join(', '),
    );
    expect(
      [...restsAfter(clients, verbs, 'absent')],
      `${vm} is ${state} after\n${told.join('\n')}`,
    ).toContain(state);
  }
}

afterAll(async () => {
  for (const { name } of await bangerJson<VmView[]>(['vm', 'list'], { home }))
    await banger(['vm', 'delete', name], { home });
});

test(`${CLIENTS} command lines with ${COMMANDS} commands each race for three VMs, and leave nothing: seed ${seed}`, async () => {
  const played = await Promise.all(
    clients.map(async (steps) => {
      const commands: Played[] = [];
      for (const each of steps) {
        const begun = performance.now();
        const outcome = await play(each);
        expectAllowed(each, outcome);
        commands.push({ ...each, ok: outcome.status === 0, begun, ended: performance.now() });
      }
      return commands;
    }),
  );
  const left = await expectTruth();
  expectExplained(played, left);
  const names = left.map(({ name }) => name);
  if (names.length > 0)
    expect(await banger(['vm', 'delete', ...names], { home })).toMatchObject({ status: 0 });
  expect(await bangerJson<VmView[]>(['vm', 'list'], { home })).toEqual([]);
  expect(vmProcessesOf(home)).toEqual([]);
  expect(entries(home, 'run', 'vm')).toEqual([]);
  expect(entries(home, 'state', 'vms')).toEqual([]);
});
