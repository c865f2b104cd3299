import { isBangerError, toBangerError } from '@banger/contract/error';
import type { RunningVmm } from '../../drivers/vmm/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { inBackground } from '../background.ts';
import { applyAll } from './apply.ts';
import type { VmDeps } from './deps.ts';
import { connectGuest, keepConnecting } from './guest-session.ts';
import { newLiveVm } from './live.ts';
import type { VmRuntimeRow } from './runtime-row.ts';
import { catchUp, watchVm } from './watch.ts';

/** An agent that is alive answers a new connection at once; a longer silence is shown, and tried again behind. */
const AGENT_DEADLINE_MS = 3_000;

/** What became of a VM that should run: `silent`, its VMM lives and does not answer. */
export type Attached = 'attached' | 'silent' | 'gone';

/**
 * Takes a running VM over from the daemon before; the caller holds its lock. Only a VMM that is gone counts as gone: one that lives
 * and does not answer keeps what its guest has not written.
 */
export async function attach(deps: VmDeps, row: VmRow): Promise<Attached> {
  const runtime = deps.runtimes.find(row.id);
  if (runtime === undefined) return 'gone';
  const vmm = await attachVmm(deps, row, runtime);
  if (typeof vmm === 'string') return vmm;
  const live = newLiveVm(row.id, vmm, runtime, deps.clock.now());
  deps.live.set(row.id, live);
  watchVm(deps, live);
  inBackground(deps.log, 'room for an attached VM', () => catchUp(deps, live), live.released.signal);
  const options = { deadlineMs: AGENT_DEADLINE_MS, signal: live.released.signal };
  await connectGuest(deps, row, live, options).catch((error: unknown) => {
    deps.log.warn({ vm: row.id, error: toBangerError(error).message }, 'agent did not answer at once');
    keepConnecting(deps, row, live);
  });
  inBackground(deps.log, 'settings of an attached VM', () => applyAll(deps, live), live.released.signal);
  deps.log.info({ vm: row.id, pid: vmm.handle.process.pid }, 'vm attached');
  return 'attached';
}

async function attachVmm(
  deps: VmDeps,
  row: VmRow,
  runtime: VmRuntimeRow,
): Promise<RunningVmm | 'silent' | 'gone'> {
  try {
    return await deps.vmm.attach(runtime.vmm);
  } catch (error) {
    if (isBangerError(error, 'vmm_gone')) return 'gone';
    deps.log.error({ vm: row.id, error: toBangerError(error).message }, 'VMM does not answer');
    return 'silent';
  }
}
