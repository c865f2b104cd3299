import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import { toBangerError } from '@banger/contract/error';
import { runDetached } from '../operation.ts';
import { consoleTail, panicReason } from './console.ts';
import { capConsole } from './console-cap.ts';
import type { VmDeps } from './deps.ts';
import { pauseForRoom } from './disk-full.ts';
import type { LiveVm } from './live.ts';
import { runtimeKinds } from './resources.ts';
import type { StateReason } from './states.ts';

/**
 * Watches a running VM: its end leads to its state at once, with the reason, and everything of the run is released; a reboot
 * of the guest opens the agent's channel anew.
 */
export function watchVm(deps: VmDeps, live: LiveVm): void {
  runDetached(() => {
    live.vmm.onEvent((event) => {
      deps.log.info({ vm: live.id, ...event }, 'vmm event');
      if (event.kind === 'guest-reboot') rebooted(live);
      if (event.kind === 'disk-error' && event.full) void pauseForRoom(deps, live);
      if (event.kind === 'network-lost')
        warn(deps, live, 'Its network is gone; restart it to have it again.');
    });
    void keepConsoleSmall(deps, live);
    void live.vmm.ended.then(async (end) => {
      deps.log.info({ vm: live.id, ...end }, 'vmm ended');
      try {
        // A stop, kill or delete that holds the lock does this itself, and then the VM is no longer this one.
        await deps.locks.hold(live.id, {}, async () => {
          if (deps.live.get(live.id) === live) await settleEnd(deps, live, end);
        });
      } catch (error) {
        deps.log.error(
          { vm: live.id, error: toBangerError(error).message },
          'the end of a VM could not be settled',
        );
      }
    });
  });
}

/** The agent of before is gone with its kernel, though the byte stream to it stays: closing the channel opens a new one. */
function rebooted(live: LiveVm): void {
  live.init = { state: 'pending', detail: '' };
  live.initSettled = Promise.withResolvers<void>();
  live.session?.close();
}

/** How often a console is looked at: at what a guest writes under emulation, its cap is passed by some MiB at most. */
const CONSOLE_LOOK_MS = 2_000;

async function keepConsoleSmall(deps: VmDeps, live: LiveVm): Promise<void> {
  const { signal } = live.released;
  while (!signal.aborted) {
    try {
      await deps.clock.sleep(CONSOLE_LOOK_MS, signal);
      await capConsole(deps.layout.vm(live.id).console);
    } catch (error) {
      if (!signal.aborted)
        deps.log.warn({ vm: live.id, error: toBangerError(error).message }, 'console not capped');
    }
  }
}

function warn(deps: VmDeps, live: LiveVm, warning: string): void {
  const { warnings } = deps.vms.get(live.id);
  if (!warnings.includes(warning)) deps.vms.update(live.id, { warnings: [...warnings, warning] });
}

/** Releases what a run had and brings the VM to the state that its end means; the caller holds the VM's lock. */
async function settleEnd(deps: VmDeps, live: LiveVm, end: VmmEnd): Promise<void> {
  const path = deps.layout.vm(live.id).console;
  const console = end.kind === 'guest-panic' || end.kind === 'vmm-died' ? await consoleTail(path) : [];
  const panic = end.kind === 'guest-panic' ? await panicReason(path) : '';
  const errors = await release(deps, live);
  const { state, why } = meaningOf(end, console, panic);
  const leftOver = errors.map((message) => `Not removed: ${message}`);
  deps.states.go(live.id, errors.length === 0 ? state : 'error', {
    ...why,
    reason: [why.reason ?? '', ...leftOver].filter((line) => line !== '').join('\n'),
  });
}

/** Lets go of a run: channel, VMM, network, sockets. Returns what could not be removed. */
export async function release(deps: VmDeps, live: LiveVm): Promise<string[]> {
  live.released.abort();
  live.session?.close();
  live.session = undefined;
  live.initSettled.resolve();
  deps.live.delete(live.id);
  const errors = await deps.ledger.remove(live.id, runtimeKinds);
  deps.runtimes.clear(live.id);
  return errors.map((error) => error.message);
}

function meaningOf(
  end: VmmEnd,
  console: readonly string[],
  panic: string,
): { state: 'stopped' | 'error'; why: StateReason } {
  const lines =
    console.length === 0
      ? ''
      : `\nLast lines of the console:\n${console.map((line) => `  ${line}`).join('\n')}`;
  const hint = 'Read the console with `banger vm logs`, then start the VM again or delete it.';
  switch (end.kind) {
    case 'guest-poweroff':
      return { state: 'stopped', why: { reason: 'The guest powered off.' } };
    case 'killed':
      return { state: 'stopped', why: { reason: 'It was killed.' } };
    case 'guest-panic':
      return {
        state: 'error',
        why: {
          phase: 'running',
          reason: `The guest kernel panicked${panic === '' ? '' : `: ${panic}`}.${lines}`,
          hint,
        },
      };
    case 'vmm-died':
      return {
        state: 'error',
        why: {
          phase: 'running',
          reason: `The VMM ended${end.detail === '' ? '' : `: ${end.detail}`}.${lines}`,
          hint,
        },
      };
  }
}
