import { isBangerError, toBangerError } from '@banger/contract/error';
import { liveStates } from '../../domain/vm-state.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { runDetached } from '../operation.ts';
import type { VmDeps } from './deps.ts';
import { deleteHeld } from './delete.ts';
import { watchVm } from './ended.ts';
import { goOnWithRoom } from './disk-full.ts';
import { connectGuest, keepConnecting } from './guest-session.ts';
import { newLiveVm } from './live.ts';
import { runtimeKinds } from './resources.ts';

/** An agent that is alive answers a new connection at once; a longer silence is shown, and tried again behind. */
const ATTACH_DEADLINE_MS = 3_000;

/**
 * Brings rows and host together at the daemon's start: a VM whose VMM lives is attached; one whose VMM is gone
 * is cleaned up after and `stopped` with the reason; half-made and ephemeral ones are deleted; what the ledger has of VMs
 * without a row is removed.
 */
export async function reconcile(deps: VmDeps): Promise<void> {
  const rows = deps.vms.list();
  await Promise.all(rows.map((row) => deps.locks.hold(row.id, {}, () => reconcileOne(deps, row))));
  const known = new Set(rows.map((row) => row.id));
  for (const owner of deps.ledger.owners()) {
    if (known.has(owner)) continue;
    const errors = await deps.ledger.remove(owner);
    deps.log.warn(
      { vm: owner, leftOver: errors.map((error) => error.message) },
      'resources of a VM without a row',
    );
  }
}

async function reconcileOne(deps: VmDeps, row: VmRow): Promise<void> {
  if (row.state === 'creating' || row.ephemeral) {
    deps.log.info({ vm: row.id, state: row.state }, 'a VM that nobody waits for any more is deleted');
    await deleteHeld(deps, row.id);
    return;
  }
  if (!liveStates.has(row.state)) return;
  if (row.state === 'running' || row.state === 'paused') {
    const found = await attach(deps, row);
    if (found !== 'gone') return;
  }
  const errors = await deps.ledger.remove(row.id, runtimeKinds);
  deps.runtimes.clear(row.id);
  const reason =
    row.state === 'running' || row.state === 'paused'
      ? 'The VMM ended while no daemon ran.'
      : `The daemon ended while the VM was ${row.state}.`;
  if (errors.length === 0) deps.states.go(row.id, 'stopped', { reason });
  else {
    const leftOver = errors.map((error) => `Not removed: ${error.message}`);
    deps.states.go(row.id, 'error', {
      phase: 'reconcile',
      reason: [reason, ...leftOver].join('\n'),
      hint: 'Try `banger vm delete`.',
    });
  }
}

/**
 * Takes a running VM over from the daemon before. Only a VMM that is gone counts as that: one that lives and does not answer keeps
 * what its guest has not written, until its owner decides.
 */
async function attach(deps: VmDeps, row: VmRow): Promise<'attached' | 'silent' | 'gone'> {
  const runtime = deps.runtimes.find(row.id);
  if (runtime === undefined) return 'gone';
  let vmm;
  try {
    vmm = await deps.vmm.attach(runtime.vmm);
  } catch (thrown) {
    if (isBangerError(thrown, 'vmm_gone')) return 'gone';
    const { message } = toBangerError(thrown);
    deps.log.error({ vm: row.id, error: message }, 'VMM does not answer');
    const hint =
      'Wait and run `banger daemon stop` and any command to try again, or end it with `banger vm stop --force`.';
    deps.states.go(row.id, 'error', {
      phase: 'attach',
      reason: `The VMM runs but does not answer: ${message}`,
      hint,
    });
    return 'silent';
  }
  const live = newLiveVm(row.id, vmm, runtime);
  deps.live.set(row.id, live);
  watchVm(deps, live);
  await connectGuest(deps, row, live, { deadlineMs: ATTACH_DEADLINE_MS, signal: live.released.signal }).catch(
    (error: unknown) => {
      deps.log.warn({ vm: row.id, error: toBangerError(error).message }, 'agent did not answer at once');
      keepConnecting(deps, row, live);
    },
  );
  // Nothing but a full disk pauses a VM as yet.
  if (row.state === 'paused') runDetached(() => void goOnWithRoom(deps, live));
  deps.log.info({ vm: row.id, pid: vmm.handle.process.pid }, 'vm attached');
  return 'attached';
}
