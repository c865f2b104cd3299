import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { consoleTail } from './console.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** What the end of a VMM means to somebody who waited for its guest. */
const endWords: Readonly<Record<VmmEnd['kind'], string>> = {
  'guest-poweroff': 'the guest powered off',
  'guest-panic': 'the guest kernel panicked',
  'vmm-died': 'the VMM ended',
  killed: 'the VMM was killed',
};

/**
 * Waits for something of the guest that `probe` names. The end of the VMM ends the wait at once, as does a guest that stands still
 * because the host has no room for what it writes; a failure names the probe and shows the last lines of the console.
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
  const ended = live.vmm.ended.then((end): never => {
    throw new BangerError(
      'vmm_failed',
      `Waiting for the ${probe}: ${endWords[end.kind]}${end.detail === '' ? '' : ` (${end.detail})`}.`,
    );
  });
  const full = Promise.withResolvers<never>();
  const noRoom = (): void =>
    full.reject(
      new BangerError(
        'disk_full',
        `Waiting for the ${probe}: there is no room on the host for what the guest writes.`,
      ),
    );
  const stopListening = live.vmm.onEvent((event) => {
    if (event.kind === 'disk-error' && event.full) noRoom();
  });
  // It may have come to that before this listened; a VMM that has ended is told by `ended`.
  live.vmm.status().then(
    (status) => void (status === 'disk-full' && noRoom()),
    () => undefined,
  );
  try {
    return await Promise.race([wait(AbortSignal.any([signal, stop.signal])), ended, full.promise]);
  } catch (thrown) {
    stop.abort();
    if (signal.aborted)
      throw new BangerError('cancelled', `The wait for the ${probe} was cancelled.`, { cause: thrown });
    throw await withConsole(toBangerError(thrown), probe, deps.layout.vm(row.id).console);
  } finally {
    stopListening();
    ended.catch(() => undefined);
    full.promise.catch(() => undefined);
  }
}

async function withConsole(error: BangerError, probe: string, consoleLog: string): Promise<BangerError> {
  const tail = await consoleTail(consoleLog);
  const shown =
    tail.length === 0
      ? 'The console is empty.'
      : `Last lines of the console:\n${tail.map((line) => `  ${line}`).join('\n')}`;
  return new BangerError(error.code, `${error.message}\n${shown}`, {
    hint: error.hint,
    cause: error,
    details: { ...error.details, probe, console: tail },
  });
}
