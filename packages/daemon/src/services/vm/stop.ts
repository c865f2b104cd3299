import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmRow } from '../../domain/vm-row.ts';
import { tell } from '../operation.ts';
import type { VmDeps } from './deps.ts';
import { release } from './ended.ts';
import type { LiveVm } from './live.ts';
import { runtimeKinds } from './resources.ts';

/** The agent answers a shutdown request before it begins; a deaf one costs no more than this. */
const ANSWER_DEADLINE_MS = 5_000;
/** From the answer to the power-off: a systemd image takes 2-4 s under emulation; the agent itself gives an init 30 s. */
const POWER_OFF_DEADLINE_MS = 45_000;
/** A killed VMM is gone as soon as the kernel has freed its memory. */
const KILL_DEADLINE_MS = 10_000;

/**
 * Stops a VM whose lock the caller holds. The guest syncs and powers off; one that does not in time is ended, and the
 * reason says so. A VM that is not running is cleaned up after, which is no error.
 */
export async function stopHeld(
  deps: VmDeps,
  id: string,
  { force }: { readonly force: boolean },
): Promise<VmRow> {
  const live = deps.live.get(id);
  if (live === undefined) return cleanUp(deps, id);
  deps.states.go(id, 'stopping');
  tell({ stage: 'Stopping the virtual machine' });
  const reason = force ? 'It was ended by force.' : await powerOff(deps, live);
  await endVmm(deps, live, 'SIGKILL');
  return settled(deps, id, await release(deps, live), reason);
}

/** Sends a signal to the VMM of a VM whose lock the caller holds, then cleans up as a stop does. */
export async function killHeld(deps: VmDeps, id: string, signal: NodeJS.Signals): Promise<VmRow> {
  const live = deps.live.get(id);
  if (live === undefined) {
    throw new BangerError('vm_not_running', `${deps.vms.get(id).spec.name} is not running.`);
  }
  deps.states.go(id, 'stopping');
  await endVmm(deps, live, signal);
  return settled(deps, id, await release(deps, live), `It was killed with ${signal}.`);
}

/** Asks the guest to power off. Returns why it had to be ended by force; empty when it powered off. */
async function powerOff(deps: VmDeps, live: LiveVm): Promise<string> {
  const { session } = live;
  if (session === undefined)
    return 'The agent did not answer; the VM was ended, and what the guest had not written is lost.';
  try {
    await within(deps, ANSWER_DEADLINE_MS, session.shutdown('power-off'));
    await within(deps, POWER_OFF_DEADLINE_MS, live.vmm.ended);
    return '';
  } catch (error) {
    const message = toBangerError(error).message;
    deps.log.warn({ vm: live.id, error: message }, 'guest did not power off');
    return `The guest did not power off (${message}); the VM was ended, and what the guest had not written may be lost.`;
  }
}

/** Ends the VMM and waits until it is gone; a signal that does not end it is followed by SIGKILL. */
async function endVmm(deps: VmDeps, live: LiveVm, signal: NodeJS.Signals): Promise<void> {
  try {
    await within(deps, KILL_DEADLINE_MS, live.vmm.kill(signal));
  } catch (error) {
    // The ledger's remover tries again and says what is left.
    deps.log.warn({ vm: live.id, signal, error: toBangerError(error).message }, 'VMM did not end');
    if (signal !== 'SIGKILL') await endVmm(deps, live, 'SIGKILL');
  }
}

async function within<T>(deps: VmDeps, ms: number, work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const deadline = deps.clock.sleep(ms, stop.signal).then((): never => {
    throw new BangerError('agent_not_ready', `no answer within ${ms / 1000} s`);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    stop.abort();
    deadline.catch(() => undefined);
  }
}

/** A VM without a VMM of ours: whatever a run may have left is removed. */
async function cleanUp(deps: VmDeps, id: string): Promise<VmRow> {
  const errors = await deps.ledger.remove(id, runtimeKinds);
  deps.runtimes.clear(id);
  const row = deps.vms.get(id);
  return errors.length === 0 && row.state === 'stopped'
    ? row
    : settled(
        deps,
        id,
        errors.map((error) => error.message),
        '',
      );
}

function settled(deps: VmDeps, id: string, leftOver: readonly string[], reason: string): VmRow {
  if (leftOver.length === 0) return deps.states.go(id, 'stopped', { reason });
  return deps.states.go(id, 'error', {
    phase: 'stop',
    reason: leftOver.map((message) => `Not removed: ${message}`).join('\n'),
    hint: 'Try `banger vm stop` or `banger vm delete` again.',
  });
}
