import { isBangerError } from '@banger/contract/error';
import { durationWords } from '../../domain/duration-words.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { Chore } from '../background-loop.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { stopHeld } from './stop.ts';

/** What a VM is unused for is counted in hours; a look costs nothing. Also how much of a use a killed daemon forgets. */
const PAUSE_MS = 60_000;
/** By so much the time of day may go its own way between two rounds, as when it is slewed, before it is taken for a jump. */
const JUMP_MS = 10_000;

/**
 * Keeps the times of last use, and stops running VMs that were not used for `autoStopStaleAfterMs`, when that is set. While the host
 * sleeps, or when its clock is set, nobody had a chance to use them: then their time begins anew.
 */
export function autoStop(deps: VmDeps): Chore {
  const { clock } = deps;
  // The monotonic clock stands still while the host sleeps.
  const drift = (): number => clock.now() - clock.monotonic();
  let driftBefore = drift();
  let countedFrom = 0;
  /** Since when this daemon goes by the time of day that it has. */
  let inForceSince = clock.now();
  const unusedMs = (lastUsedAt: number): number => {
    const now = clock.now();
    // A use of the future is from before the clock was set back, be it under the daemon before.
    return now - (lastUsedAt > now + JUMP_MS ? inForceSince : Math.max(lastUsedAt, countedFrom));
  };
  // A guest that did not follow is left in peace for as long again.
  const leftAt = new WeakMap<LiveVm, number>();
  return {
    name: 'auto_stop_stale_after',
    pauseMs: PAUSE_MS,
    run: async (signal) => {
      if (Math.abs(drift() - driftBefore) > JUMP_MS) countedFrom = inForceSince = clock.now();
      driftBefore = drift();
      deps.uses.write();
      const { autoStopStaleAfterMs: limit } = deps.settings;
      if (limit === undefined) return;
      const isStale = (row: VmRow): boolean => {
        const live = deps.live.get(row.id);
        // One whose agent is gone, or silent, could only be ended by force, and with it what its guest has not written.
        const hears = live?.session !== undefined && live.agent.state === 'ready';
        if (row.state !== 'running' || !hears || deps.uses.isUsed(row.id)) return false;
        return unusedMs(Math.max(deps.uses.lastUsedAt(row), leftAt.get(live) ?? 0)) >= limit;
      };
      const stop = async ({ id }: VmRow): Promise<void> => {
        const live = deps.live.get(id);
        const followed = await stopIfStale(deps, id, isStale, limit, signal);
        if (!followed && live !== undefined) leftAt.set(live, clock.now());
      };
      const stale = deps.vms.list().filter((row) => isStale(row) && !deps.locks.isBusy(row.id));
      await Promise.all(stale.map(stop));
    },
  };
}

/**
 * Stops a VM, when it is still stale once its lock is ours. A stop that has begun is work of the daemon, which waits for it at its end.
 * False when its guest did not follow: then it runs on.
 */
async function stopIfStale(
  deps: VmDeps,
  id: string,
  isStale: (row: VmRow) => boolean,
  limit: number,
  signal: AbortSignal,
): Promise<boolean> {
  return deps.locks.hold(id, { signal }, async () => {
    const row = deps.vms.find(id);
    if (row === undefined || !isStale(row)) return true;
    const reason = `unused for ${durationWords(limit)}: stopped by auto_stop_stale_after`;
    deps.log.info({ vm: id, reason }, 'vm is stopped');
    const stop = (): Promise<VmRow> => stopHeld(deps, id, { force: false, reason, automatic: true });
    try {
      await deps.asOperation('vm.stop', stop, { kind: 'vm', name: row.spec.name });
    } catch (error) {
      if (!isBangerError(error, 'agent_not_ready')) throw error;
      deps.log.warn({ vm: id, error: error.message }, 'vm runs on');
      return false;
    }
    return true;
  });
}
