import { BangerError, isBangerError } from '@banger/contract/error';

/** What strerror(3) says for ENOSPC and EDQUOT; programs print that whatever else they say. */
const SAID = /No space left on device|Disk quota exceeded/i;

/** True when a line that a program of the host wrote says that the disk is full. */
export function saysDiskFull(text: string): boolean {
  return SAID.test(text);
}

/** True when an error means a full disk, be it the kernel's or what a program of the host died of. */
export function isDiskFull(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return (
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    (isBangerError(error, 'command_failed') && saysDiskFull(message))
  );
}

/** The error as `disk_full` when it means a full disk, else as it is. */
export function asDiskFull(
  error: unknown,
  message: string,
  details: Readonly<Record<string, string>> = {},
): unknown {
  return isDiskFull(error) ? new BangerError('disk_full', message, { cause: error, details }) : error;
}
