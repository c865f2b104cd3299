import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { TreeEntry, TreeRecord } from '@banger/contract/tree-record';
import { rawText } from '@banger/contract/raw-text';
import { copyFailed, onHost, systemReason } from './host-error.ts';
import { inDirectory, pathBytes } from './host-path.ts';

/** As the protocol has it (guest/PROTOCOL.md, tree streams). */
const MAX_DEPTH = 256;
const SPECIAL = 'not a file, directory or link';
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * The records of a file or tree of this machine. Links below the path are never followed, nor is the path itself unless told; what is
 * no file, directory or link, and what cannot be read, is skipped. Throws `copy_failed` when that is the path itself.
 */
export function* readHostTree(path: string, follow: boolean, pieceBytes: number): Generator<TreeRecord> {
  const bytes = pathBytes(path);
  const stats = onHost(path, () =>
    follow ? statSync(bytes, { bigint: true }) : lstatSync(bytes, { bigint: true }),
  );
  if (stats.isSymbolicLink()) {
    yield onHost(path, () => linkRecord(bytes, '', stats));
    return;
  }
  if (!stats.isFile() && !stats.isDirectory()) throw copyFailed(path, SPECIAL);
  const fd = onHost(path, () =>
    openSync(bytes, O_RDONLY | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW)),
  );
  yield* opened(fd, '', 0, pieceBytes);
}

/** What was opened, whatever was seen before; closes it. */
function* opened(fd: number, name: string, depth: number, pieceBytes: number): Generator<TreeRecord> {
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (stats.isFile()) {
      yield { kind: 'file', ...entryOf(name, stats) };
      yield* content(fd, pieceBytes);
    } else if (!stats.isDirectory()) yield skip('special', name, SPECIAL);
    else if (depth === MAX_DEPTH) yield skip('unreadable', name, 'too many directories in each other');
    else {
      yield { kind: 'directory', ...entryOf(name, stats) };
      yield* inside(fd, depth, pieceBytes);
      yield { kind: 'end' };
    }
  } finally {
    closeSync(fd);
  }
}

function* inside(fd: number, depth: number, pieceBytes: number): Generator<TreeRecord> {
  let names: string[] = [];
  try {
    names = readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }).map(rawText);
  } catch (error) {
    yield skip('unreadable', '', reasonOf(error));
  }
  for (const name of names) {
    const path = inDirectory(fd, name);
    let child: number | undefined;
    try {
      const stats = lstatSync(path, { bigint: true });
      if (stats.isSymbolicLink()) yield linkRecord(path, name, stats);
      else if (!stats.isFile() && !stats.isDirectory()) yield skip('special', name, SPECIAL);
      else child = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      yield skip('unreadable', name, reasonOf(error));
    }
    if (child !== undefined) yield* opened(child, name, depth + 1, pieceBytes);
  }
}

/** Up to the file's end, wherever that is by then. The bytes are the receiver's to keep. */
function* content(fd: number, pieceBytes: number): Generator<TreeRecord> {
  for (;;) {
    const bytes = Buffer.allocUnsafe(pieceBytes);
    let count: number;
    try {
      count = readSync(fd, bytes, 0, bytes.length, null);
    } catch (error) {
      yield skip('unreadable', '', reasonOf(error));
      return;
    }
    if (count === 0) break;
    yield { kind: 'content', bytes: bytes.subarray(0, count) };
  }
  yield { kind: 'end' };
}

function linkRecord(path: Buffer, name: string, stats: BigIntStats): TreeRecord {
  return {
    kind: 'link',
    target: rawText(readlinkSync(path, { encoding: 'buffer' })),
    ...entryOf(name, stats),
  };
}

function entryOf(name: string, { mode, mtimeNs, size }: BigIntStats): TreeEntry {
  return { name, mode: Number(mode & 0o777n), mtimeNs, size: Number(size) };
}

function skip(reason: 'special' | 'unreadable', name: string, text: string): TreeRecord {
  return { kind: 'skip', reason, name, text };
}

function reasonOf(error: unknown): string {
  const reason = systemReason(error);
  if (reason === undefined) throw error;
  return reason;
}
