import { BangerError } from '@banger/contract/error';
import type { NewInode } from './inode-store.ts';
import { shownPath } from './path.ts';
import type { Timestamp } from './time.ts';
import type { Xattr } from './xattrs.ts';

/** What an entry has besides its content. */
export interface EntryMetadata {
  /** Permissions with set-user-ID, set-group-ID and sticky bit: at most 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: Timestamp;
  /** When absent, `modified`. */
  readonly accessed?: Timestamp;
  /** When absent, the time at which the file system is made; likewise `created`. */
  readonly changed?: Timestamp;
  readonly created?: Timestamp;
  readonly xattrs?: readonly Xattr[];
}

const PERMISSIONS = 0o7777;
/** The last one stands for nobody at all, in chown(2) and in the kernel. */
const MAX_ID = 0xfffffffe;
const NANOSECONDS = 999_999_999;

/** What an inode is made with for an entry of this type. Throws `invalid_argument` for numbers that no inode holds. */
export function newInode(path: Buffer, type: number, metadata: EntryMetadata, now: Timestamp): NewInode {
  const { mode, uid, gid, modified, accessed, changed, created } = metadata;
  const check = (what: string, value: number, most: number): void => {
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw new BangerError(
        'invalid_argument',
        `${shownPath(path)} has the ${what} ${value}; the most is ${most}.`,
      );
  };
  check('mode', mode, PERMISSIONS);
  check('owner', uid, MAX_ID);
  check('group', gid, MAX_ID);
  for (const time of [modified, accessed, changed, created]) {
    if (time === undefined) continue;
    check('nanoseconds', time.nanoseconds, NANOSECONDS);
    if (!Number.isInteger(time.seconds))
      throw new BangerError('invalid_argument', `${shownPath(path)} has a time that is no whole seconds.`);
  }
  const others = accessed !== undefined || changed !== undefined || created !== undefined;
  const times = others
    ? { accessed: accessed ?? modified, changed: changed ?? now, created: created ?? now }
    : undefined;
  return { mode: type | mode, uid, gid, modified, times };
}
