import { BangerError } from '@banger/contract/error';

/** That there is no ext4 file system, or a damaged one; `what` goes on after "The root file system". */
export function brokenFileSystem(what: string, cause?: unknown): BangerError {
  return new BangerError('image_invalid', `The root file system ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'It must be an ext4 file system that was unmounted cleanly; see what `e2fsck -fn FILE` says.',
  });
}

/** That a file system is sound, and of a kind that is not read here. */
export function unreadableFileSystem(what: string): BangerError {
  return new BangerError('image_unsupported', `The root file system ${what}.`, {
    hint: 'Make it with `mkfs.ext4` as it is, without features that have to be asked for.',
  });
}
