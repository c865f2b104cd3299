import { getSystemErrorMessage } from 'node:util';
import { BangerError } from '@banger/contract/error';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** A copy that failed at a path of this machine. */
export function copyFailed(path: string, reason: string): BangerError {
  return new BangerError('copy_failed', `${path}: ${reason}.`, { details: { path } });
}

/** Does something with a file; what the system says against it becomes an error of ours that names `path`. */
export function onHost<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === undefined || errno === undefined) throw error;
    if (FULL.has(code)) throw new BangerError('disk_full', `${path}: ${getSystemErrorMessage(errno)}.`);
    throw copyFailed(path, getSystemErrorMessage(errno));
  }
}

/** What the system says against something, in words; undefined when it was not the system. */
export function systemReason(error: unknown): string | undefined {
  const { code, errno } = error as NodeJS.ErrnoException;
  return code === undefined || errno === undefined ? undefined : getSystemErrorMessage(errno);
}
