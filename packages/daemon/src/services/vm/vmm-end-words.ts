import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import { panicReason } from './console.ts';

const words: Readonly<Record<VmmEnd['kind'], string>> = {
  'guest-poweroff': 'the guest powered off',
  'guest-panic': 'the guest kernel panicked',
  'vmm-died': 'the VMM ended',
  killed: 'the VM was ended',
};

/**
 * What the end of a VMM means to somebody who was at work in its guest, as `the guest powered off`. What its run has on the console
 * begins at byte `consoleFrom`.
 */
export async function vmmEndWords(
  { kind, detail }: VmmEnd,
  consoleLog: string,
  consoleFrom: number,
): Promise<string> {
  const why = kind === 'guest-panic' ? await panicReason(consoleLog, consoleFrom) : detail;
  return why === '' ? words[kind] : `${words[kind]}: ${why}`;
}
