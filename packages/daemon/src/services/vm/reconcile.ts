import { toBangerError, type BangerError } from '@banger/contract/error';
import { liveStates } from '../../domain/vm-state.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { inBackground } from '../background.ts';
import { attach } from './attach.ts';
import type { VmDeps } from './deps.ts';
import { DELETING, deleteHeld } from './delete.ts';
import { meaningOfSettling, type Meaning } from './ended.ts';
import { runtimeKinds } from './resources.ts';
import { startHeld } from './start.ts';
import { AUTOMATIC, stopHeld } from './stop.ts';
import { refuseStray } from './stray.ts';

/** How long the first command waits for VMs that are slow to answer; they go on behind it, each under its own lock. */
const PATIENCE_MS = 4_000;
/** How often a VMM that does not answer is tried again. */
const TRY_AGAIN_MS = 5_000;

/**
 * Brings rows and host together at the daemon's start: a VM whose VMM lives is attached; one whose VMM is gone is cleaned up after
 * and `stopped` with the reason; a stop that was cut off goes on, and so does the start after it in a restart or a reset; half-made,
 * half-deleted and ephemeral VMs are deleted. What fails for one VM is told in its state and keeps no other from being looked at.
 */
export async function reconcile(deps: VmDeps): Promise<void> {
  const all = Promise.all(deps.vms.list().map(({ id }) => reconcileRow(deps, id)));
  const stop = new AbortController();
  await Promise.race([all, deps.clock.sleep(PATIENCE_MS, stop.signal).catch(() => undefined)]);
  stop.abort();
}

async function reconcileRow(deps: VmDeps, id: string): Promise<void> {
  try {
    await deps.locks.hold(id, {}, () => reconcileHeld(deps, id));
  } catch (thrown) {
    failed(deps, id, toBangerError(thrown));
  }
}

/** Tells of it where that can be told; a database that takes nothing keeps no other VM from being looked at. */
function failed(deps: VmDeps, id: string, { message: reason, hint }: BangerError): void {
  deps.log.error({ vm: id, error: reason }, 'a VM could not be reconciled');
  try {
    if (deps.vms.find(id) === undefined) return;
    deps.states.go(id, 'error', {
      phase: 'reconcile',
      reason,
      hint: hint === '' ? 'Try `banger vm delete`.' : hint,
    });
  } catch (thrown) {
    deps.log.error({ vm: id, error: toBangerError(thrown).message }, 'that could not be written down');
  }
}

/** As the VM is now: calls that had its lock before may have ended it, or started it again. */
async function reconcileHeld(deps: VmDeps, id: string): Promise<void> {
  const row = deps.vms.find(id);
  if (row === undefined || deps.live.has(id)) return;
  if (row.state === 'creating' || row.ephemeral || row.phase === DELETING) {
    if (row.phase !== DELETING) await refuseStray(deps, id);
    deps.log.info({ vm: row.id, state: row.state }, 'a VM that nobody waits for any more is deleted');
    await deleteHeld(deps, row.id);
    return;
  }
  if (row.state === 'starting')
    await cleanUp(deps, row, {
      state: 'stopped',
      why: { reason: 'The daemon ended while the VM was starting.' },
    });
  else if (liveStates.has(row.state)) await takeOver(deps, row);
  if (deps.vms.find(id)?.startAgain === true)
    inBackground(deps.log, 'starting a VM again', () => startAgain(deps, id));
}

/** Goes on with a restart or a reset, whose stop is over once the lock is ours; whoever stops the VM meanwhile cancels it. */
async function startAgain(deps: VmDeps, id: string): Promise<void> {
  await deps.locks.hold(id, { preemptible: true }, async (signal) => {
    const row = deps.vms.find(id);
    // One whose VMM does not answer comes round again.
    if (row?.startAgain !== true || liveStates.has(row.state)) return;
    const start = (): Promise<VmRow> => startHeld(deps, id, { waitInit: false }, signal);
    await deps.asOperation('vm.start', start, { kind: 'vm', name: row.spec.name });
  });
}

/** A VM that should run: attached, tried again later, or cleaned up after. */
async function takeOver(deps: VmDeps, row: VmRow): Promise<void> {
  const found = await attach(deps, row);
  const stopping = row.state === 'stopping';
  if (found === 'gone') {
    const reason = stopping
      ? 'It ended while it was being stopped.'
      : 'The VMM ended, and no daemon saw how.';
    await cleanUp(deps, row, meaningOfSettling(row) ?? { state: 'stopped', why: { reason } });
  } else if (found === 'silent') {
    const silence = 'Its VMM runs but does not answer; banger goes on trying.';
    // One that waits for room does so still, and says what would help; a stop goes on as it was begun, for the same reason.
    if (row.state === 'running') deps.states.stay(row.id, { phase: 'attach', reason: silence });
    if (stopping) deps.states.stay(row.id, { phase: row.phase, reason: row.reason, hint: silence });
    inBackground(deps.log, 'attaching a VM', async () => {
      await deps.clock.sleep(TRY_AGAIN_MS);
      await reconcileRow(deps, row.id);
    });
  } else if (stopping) {
    inBackground(deps.log, 'going on with a stop', () => goOnStopping(deps, row));
  } else if (row.phase === 'attach') {
    deps.states.stay(row.id, {});
  }
}

/** That is work of the daemon, which waits for it at its own end. */
async function goOnStopping(deps: VmDeps, { id, spec, reason, phase, startAgain }: VmRow): Promise<void> {
  await deps.locks.hold(id, {}, async () => {
    // Somebody may have ended it before, and started it.
    if (deps.vms.find(id)?.state !== 'stopping') return;
    const stop = (): Promise<VmRow> =>
      stopHeld(deps, id, { force: false, reason, automatic: phase === AUTOMATIC, startAgain });
    await deps.asOperation('vm.stop', stop, { kind: 'vm', name: spec.name });
  });
}

/** The steps that its row has are of a procedure before. */
async function cleanUp(deps: VmDeps, row: VmRow, { state, why }: Meaning): Promise<void> {
  await refuseStray(deps, row.id);
  const errors = await deps.ledger.remove(row.id, runtimeKinds);
  deps.runtimes.clear(row.id);
  if (errors.length === 0) {
    deps.states.go(row.id, state, why, { steps: [] });
    return;
  }
  const leftOver = errors.map((error) => `Not removed: ${error.message}`);
  const reason = [why.reason ?? '', ...leftOver].join('\n');
  deps.states.go(
    row.id,
    'error',
    { phase: 'reconcile', reason, hint: 'Try `banger vm delete`.' },
    { startAgain: false, steps: [] },
  );
}
