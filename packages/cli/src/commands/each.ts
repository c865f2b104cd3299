import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import { findVm, findWholeVm } from '@banger/contract/vm-reference';
import type { CommandContext, Outcome } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import type { Item } from '../render/view.ts';

/** Calls at work at once: well under what the daemon takes from one connection (64), and more starts than a host likes. */
const AT_ONCE = 16;

/** What a call on one of several names came to. */
export interface EachResult<T = unknown> {
  /** What it is now, for a person: `running`, `deleted`. */
  readonly state: string;
  /** For programs. */
  readonly result: T;
  /** What could not be done although the call succeeded; makes the exit status 1. */
  readonly warnings?: readonly string[];
}

/**
 * Does the same to several VMs at once. They are resolved from one listing; duplicates collapse; one bad name does not
 * stop the others; the results come in the order given, and the exit status is 1 when any failed.
 */
export async function eachVm(
  context: CommandContext,
  refs: readonly string[],
  act: (vm: VmView) => Promise<EachResult>,
): Promise<Outcome> {
  return asOutcome(await itemsOfVms(context, refs, act));
}

/** The same for what loses something for good: the beginning of a name is not enough, it may have been another VM's whole name. */
export async function eachWholeVm(
  context: CommandContext,
  refs: readonly string[],
  act: (vm: VmView) => Promise<EachResult>,
): Promise<Outcome> {
  const resolve = (ref: string, vms: readonly VmView[]): VmView => findWholeVm(ref, vms, nameOf);
  return asOutcome(await itemsOfVms(context, refs, act, { resolve }));
}

interface ItemsOptions {
  /** The VMs that are meant without names; none unless told. */
  readonly unnamed?: (vm: VmView) => boolean;
  readonly resolve?: (ref: string, vms: readonly VmView[]) => VmView;
}

/** The same, for views of their own. */
export async function itemsOfVms<T>(
  context: CommandContext,
  refs: readonly string[],
  act: (vm: VmView) => Promise<EachResult<T>>,
  { unnamed = () => false, resolve = resolveVm }: ItemsOptions = {},
): Promise<Items<T>> {
  const vms = await context.call('vm.list', {}, 'Listing the VMs');
  if (refs.length === 0)
    return each(
      context,
      vms.filter(unnamed).map((vm) => ({ name: vm.name, act: () => act(vm) })),
    );
  const seen = new Set<string>();
  const targets = refs.flatMap((ref): Target<T>[] => {
    try {
      const vm = resolve(ref, vms);
      return once(seen, `id ${vm.id}`) ? [{ name: vm.name, act: () => act(vm) }] : [];
    } catch (thrown) {
      return once(seen, `ref ${ref}`) ? [{ name: ref, error: toBangerError(thrown) }] : [];
    }
  });
  return each(context, targets);
}

/** The same for things that need no listing: names as given, duplicates collapse. */
export async function eachName(
  context: CommandContext,
  names: readonly string[],
  act: (name: string) => Promise<EachResult>,
): Promise<Outcome> {
  return asOutcome(
    await each(
      context,
      [...new Set(names)].map((name) => ({ name, act: () => act(name) })),
    ),
  );
}

/** The same for VMs that are known already. */
export async function eachOf(
  context: CommandContext,
  vms: readonly VmView[],
  act: (vm: VmView) => Promise<EachResult>,
): Promise<Outcome> {
  return asOutcome(
    await each(
      context,
      vms.map((vm) => ({ name: vm.name, act: () => act(vm) })),
    ),
  );
}

/** What became of each name, and the exit status that it makes. */
interface Items<T> {
  readonly items: readonly Item<T>[];
  readonly status: number;
}

/** One name with what is to be done, or with the reason why nothing can be. */
type Target<T> =
  | { readonly name: string; readonly act: () => Promise<EachResult<T>> }
  | { readonly name: string; readonly error: BangerError };

function asOutcome({ items, status }: Items<unknown>): Outcome {
  return { view: { kind: 'items', data: items }, status };
}

async function each<T>(context: CommandContext, targets: readonly Target<T>[]): Promise<Items<T>> {
  let failed = false;
  const items = await inParallel(targets, async (target): Promise<Item<T>> => {
    const { name } = target;
    try {
      if ('error' in target) throw target.error;
      const { state, result, warnings = [] } = await target.act();
      for (const warning of warnings) context.reporter.warning(`${name}: ${warning}`);
      failed ||= warnings.length > 0;
      return { name, ok: true, state, result };
    } catch (thrown) {
      failed = true;
      return { name, ok: false, error: named(name, toBangerError(thrown)) };
    }
  });
  return { items, status: failed ? exitStatus.failed : exitStatus.done };
}

/** Does the work for each in the order given, some at a time; the results keep that order. */
async function inParallel<T, R>(list: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const open = [...list.entries()];
  const worker = async (): Promise<void> => {
    for (let next = open.shift(); next !== undefined; next = open.shift())
      results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** An error that tells which of the names it is about. */
function named(name: string, error: BangerError): BangerError {
  if (error.message.includes(name)) return error;
  const { code, message, hint, details, cause } = error;
  return new BangerError(code, `${name}: ${message}`, { hint, details, cause });
}

const nameOf = ({ name }: VmView): string => name;

function resolveVm(ref: string, vms: readonly VmView[]): VmView {
  return findVm(ref, vms, nameOf);
}

function once(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}
