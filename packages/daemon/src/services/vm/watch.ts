import { BangerError } from '@banger/contract/error';
import { inBackground } from '../background.ts';
import { runDetached } from '../operation.ts';
import { capConsole } from './console-cap.ts';
import type { VmDeps } from './deps.ts';
import { pauseForRoom } from './disk-full.ts';
import { settleEnd } from './ended.ts';
import type { LiveVm } from './live.ts';

/** How often a console is looked at: at what a guest writes under emulation, its cap is passed by some MiB at most. */
const CONSOLE_LOOK_MS = 2_000;
/** From the closing of the agent's channel to the event that tells why, when a machine ends or boots again: milliseconds. */
const AGENT_GONE_MS = 1_000;

/**
 * Watches a VM from its VMM's start on: its end leads to its state at once, with the reason, and everything of the run is released; a
 * reboot of the guest opens the agent's channel anew; a full disk pauses it.
 */
export function watchVm(deps: VmDeps, live: LiveVm): void {
  const { id, vmm, released } = live;
  vmm.onEvent((event) =>
    // The listener is called on behalf of whoever opened the VMM's socket.
    runDetached(() => {
      deps.log.info({ vm: id, ...event }, 'vmm event');
      if (event.kind === 'guest-reboot') rebooted(live);
      if (event.kind === 'agent-gone')
        inBackground(deps.log, 'end of an agent', () => agentGone(deps, live), released.signal);
      if (event.kind === 'disk-error' && event.full)
        inBackground(deps.log, 'waiting for room', () => pauseForRoom(deps, live), released.signal);
      if (event.kind === 'network-lost') warn(deps, id, 'Its network is gone; restart it to have it again.');
    }),
  );
  inBackground(deps.log, 'console cap', () => keepConsoleSmall(deps, live), released.signal);
  inBackground(deps.log, 'end of a VM', async () => {
    const end = await vmm.ended;
    deps.log.info({ vm: id, ...end }, 'vmm ended');
    // A call that holds the lock does this itself, and then the VM is no longer this one; a start takes back what it made.
    await deps.locks.hold(id, {}, async () => {
      if (deps.live.get(id) === live) await settleEnd(deps, live, end);
    });
  });
}

/**
 * What happened before anybody listened: a VMM that waits for room says so only when asked, and so does one whose guest went on before
 * the row of the VM could say it.
 */
export async function catchUp(deps: VmDeps, live: LiveVm): Promise<void> {
  const status = await live.vmm.status();
  if (status !== 'disk-full' && deps.vms.find(live.id)?.state !== 'paused') return;
  inBackground(deps.log, 'waiting for room', () => pauseForRoom(deps, live), live.released.signal);
}

/** Adds a warning to a VM's row, once. */
export function warn(deps: Pick<VmDeps, 'vms'>, id: string, warning: string): void {
  const warnings = deps.vms.find(id)?.warnings;
  if (warnings !== undefined && !warnings.includes(warning))
    deps.vms.update(id, { warnings: [...warnings, warning] });
}

/** The agent of before is gone with its kernel, though the byte stream to it stays: closing the channel opens a new one. */
function rebooted(live: LiveVm): void {
  live.init = { state: 'pending', detail: '' };
  // Whoever waits for the services waits for those of this boot.
  const before = live.initSettled;
  live.initSettled = Promise.withResolvers<void>();
  void live.initSettled.promise.then(before.resolve);
  live.session?.close();
}

/** Whoever waits for it would wait for ever. A machine that ends or boots again closes that channel as well, and then tells of it. */
async function agentGone({ clock, vms }: VmDeps, { id, session, released }: LiveVm): Promise<void> {
  await clock.sleep(AGENT_GONE_MS, released.signal);
  session?.close(
    new BangerError('agent_lost', 'The agent has ended, the guest runs on.', {
      hint: `Restart it to have its agent again: \`banger vm restart ${vms.get(id).spec.name}\`.`,
    }),
  );
}

async function keepConsoleSmall(deps: VmDeps, live: LiveVm): Promise<void> {
  for (;;) {
    await deps.clock.sleep(CONSOLE_LOOK_MS, live.released.signal);
    await capConsole(deps.layout.vm(live.id).console);
  }
}
