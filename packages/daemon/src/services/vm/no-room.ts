import type { RunningVmm } from '../../drivers/vmm/driver.ts';

/**
 * Resolves when the guest stands still because the host has no room for what it writes, also when it did so before anybody looked. The
 * signal ends the looking; nothing is told then. A VMM that has ended is told by its `ended`.
 */
export function untilNoRoom(vmm: RunningVmm, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stopListening = vmm.onEvent((event) => {
    if (event.kind === 'disk-error' && event.full) resolve();
  });
  signal.addEventListener('abort', stopListening, { once: true });
  vmm.status().then(
    (status) => void (status === 'disk-full' && resolve()),
    () => undefined,
  );
  return promise;
}
