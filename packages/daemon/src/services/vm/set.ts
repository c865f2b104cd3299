import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmSpec, VmSpecChange } from '@banger/contract/vm';
import { changedKeys, changedSpec } from '../../domain/vm-change.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { tell } from '../operation.ts';
import type { Capability } from './capabilities/capability.ts';
import { capabilities, inOrderOfChange } from './capabilities/list.ts';
import { checkSpec } from './create.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { warn } from './watch.ts';

/** What a person calls the values that no VM changes while it runs. */
const words: Readonly<Partial<Record<keyof VmSpec, string>>> = {
  vcpu: 'CPUs',
  memoryMib: 'memory',
  rootBytes: 'root disk',
  network: 'network',
};

/**
 * Changes a VM whose lock the caller holds. One that is stopped has it from its next start on. One that runs has it at once, or, when a
 * part of the change needs a stop, is refused with `vm_state` as a whole. The row says what is wanted before anything is changed, so
 * that whoever finds the VM after a killed daemon goes on to it; a change that fails is taken back.
 */
export async function setHeld(
  deps: VmDeps,
  id: string,
  change: VmSpecChange,
  signal: AbortSignal,
): Promise<VmRow> {
  if (Object.values(change).every((value) => value === undefined))
    throw new BangerError('invalid_argument', 'There is nothing to change.');
  const row = deps.vms.get(id);
  const spec = changedSpec(row.spec, change);
  checkSpec(spec);
  const keys = changedKeys(row.spec, spec);
  deps.log.info({ vm: id, change, keys }, 'vm set');
  if (row.state === 'stopped' || row.state === 'error') return deps.vms.update(id, { spec });
  const live = deps.live.get(id);
  if (row.state !== 'running' || live === undefined)
    throw new BangerError(
      'vm_state',
      `${spec.name} is ${row.state}${row.reason === '' ? '.' : `: ${row.reason}`}`,
      {
        hint: row.hint,
      },
    );
  const changesLive = ({ changesLive = [] }: Capability): boolean =>
    keys.some((key) => changesLive.includes(key));
  refuseWhatNeedsStop(row, keys);
  return apply(deps, live, { row, spec, parts: inOrderOfChange.filter(changesLive) }, signal);
}

function refuseWhatNeedsStop({ spec: { name } }: VmRow, keys: readonly (keyof VmSpec)[]): void {
  const live = new Set(capabilities.flatMap(({ changesLive = [] }: Capability) => changesLive));
  const needStop = keys.filter((key) => !live.has(key));
  if (needStop.length === 0) return;
  const what = needStop.map((key) => words[key] ?? key).join(' and ');
  throw new BangerError(
    'vm_state',
    `${name} is running: its ${what} can be changed only while it is stopped. Nothing was changed.`,
    { hint: `Stop it with \`banger vm stop ${name}\`, then run the command again.`, details: { needStop } },
  );
}

/** The change of a VM that runs: what it was, what it is to be, and whose business that is. */
interface LiveChange {
  readonly row: VmRow;
  readonly spec: VmSpec;
  readonly parts: readonly Capability[];
}

async function apply(
  deps: VmDeps,
  live: LiveVm,
  { row, spec, parts }: LiveChange,
  signal: AbortSignal,
): Promise<VmRow> {
  const wanted = deps.vms.update(row.id, { spec });
  const begun: Capability[] = [];
  try {
    for (const part of parts) {
      begun.push(part);
      for (const warning of (await part.apply?.({ deps, row: wanted, live }, signal)) ?? []) {
        warn(deps, row.id, warning);
        tell({ stage: warning, level: 'warning' });
      }
    }
    return deps.vms.get(row.id);
  } catch (thrown) {
    const before = deps.vms.update(row.id, { spec: row.spec });
    for (const part of begun)
      await part.apply?.({ deps, row: before, live }, signal).catch((error: unknown) => {
        const { message } = toBangerError(error);
        deps.log.warn({ vm: row.id, part: part.name, error: message }, 'change not taken back');
      });
    throw thrown;
  }
}
