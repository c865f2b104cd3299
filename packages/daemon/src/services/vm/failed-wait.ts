import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import type { VmRow } from '../../domain/vm-row.ts';
import type { Clock } from '../../host/clock.ts';
import { consoleTail, consoleText, panicReason } from './console.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { untilNoRoom } from './no-room.ts';
import { vmmEndWords } from './vmm-end-words.ts';

/** How often the console of a guest that is waited for is looked at for the end of its kernel. */
const CONSOLE_LOOK_MS = 500;

/**
 * Waits for something of the guest that `probe` names. The end of the VMM ends the wait at once, as do a kernel that panics before it
 * has the device that would tell of it, and a guest that stands still because the host has no room for what it writes. A failure
 * names the probe and shows the last lines of the console.
 */
export async function failedWait<T>(
  deps: VmDeps,
  row: VmRow,
  live: LiveVm,
  probe: string,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const consoleLog = deps.layout.vm(row.id).console;
  const failed = (what: string): BangerError =>
    new BangerError('vmm_failed', `Waiting for the ${probe}: ${what.replace(/\.?$/, '.')}`);
  const ended = live.vmm.ended.then(async (end): Promise<never> => {
    throw failed(await vmmEndWords(end, consoleLog, live.consoleFrom));
  });
  const panicked = untilPanic(deps.clock, consoleLog, live.consoleFrom, stop.signal).then((why): never => {
    throw failed(`the guest kernel panicked: ${why}`);
  });
  const full = untilNoRoom(live.vmm, stop.signal).then((): never => {
    throw new BangerError(
      'disk_full',
      `Waiting for the ${probe}: there is no room on the host for what the guest writes.`,
    );
  });
  try {
    return await Promise.race([wait(AbortSignal.any([signal, stop.signal])), ended, panicked, full]);
  } catch (thrown) {
    if (signal.aborted)
      throw new BangerError('cancelled', `${whyCancelled(signal)} It waited for the ${probe}.`, {
        cause: thrown,
      });
    throw withConsole(toBangerError(thrown), probe, await consoleTail(consoleLog, live.consoleFrom));
  } finally {
    stop.abort();
    for (const other of [ended, panicked, full]) other.catch(() => undefined);
  }
}

/** Why the kernel panicked, from what is or comes on the console from byte `from` on; rejects when the signal fires. */
async function untilPanic(
  clock: Clock,
  consoleLog: string,
  from: number,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    await clock.sleep(CONSOLE_LOOK_MS, signal);
    const why = await panicReason(consoleLog, from);
    if (why !== '') return why;
  }
}

function withConsole(error: BangerError, probe: string, tail: readonly string[]): BangerError {
  return new BangerError(error.code, `${error.message}\n${consoleText(tail)}`, {
    hint: error.hint,
    cause: error,
    details: { ...error.details, probe, console: tail },
  });
}

/** Who cancelled it, as far as the one who did says so. */
function whyCancelled({ reason }: AbortSignal): string {
  return isBangerError(reason) ? reason.message : 'The call was cancelled.';
}
