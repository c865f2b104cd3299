import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK_BYTES } from './geometry.ts';
import { MIN_JOURNAL_BLOCKS } from './journal.ts';
import type { Timestamp } from './time.ts';
import { openExt4Writer, type Ext4Writer } from './writer.ts';

const MS_PER_SECOND = 1_000;
const NS_PER_MS = 1_000_000;
const IDENTIFIER_BYTES = 16;
const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 };
/** Nobody but root writes, whatever the mask of who made the directory. */
const MODES = 0o755;

/**
 * Makes a file system, to be read only, of the files and directories that are in a directory, in a new file as large as it must be. All of
 * them are root's; links and special files are left out. Rejects as the writer does, and with what reading says; then the file is the caller's to remove.
 */
export async function packDirectory(directory: string, file: string, signal: AbortSignal): Promise<void> {
  await using writer = await openExt4Writer(file, {
    sizeBytes: ({ leastBytes }) => leastBytes,
    uuid: randomBytes(IDENTIFIER_BYTES),
    hashSeed: randomBytes(IDENTIFIER_BYTES),
    now: EPOCH,
    journalBytes: MIN_JOURNAL_BLOCKS * BLOCK_BYTES,
  });
  const inside: string[] = [''];
  for (let path = inside.pop(); path !== undefined; path = inside.pop()) {
    for (const entry of await readdir(join(directory, path), { withFileTypes: true })) {
      signal.throwIfAborted();
      if (!entry.isDirectory() && !entry.isFile()) continue;
      const below = join(path, entry.name);
      await pack(writer, join(directory, below), below);
      if (entry.isDirectory()) inside.push(below);
    }
  }
  await writer.finish();
}

async function pack(writer: Ext4Writer, from: string, to: string): Promise<void> {
  const found = await stat(from);
  const metadata = { mode: found.mode & MODES, uid: 0, gid: 0, modified: timestamp(found.mtimeMs) };
  if (found.isDirectory()) await writer.directory(Buffer.from(to), metadata);
  else
    await writer.file(Buffer.from(to), metadata, found.size, createReadStream(from) as AsyncIterable<Buffer>);
}

function timestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / MS_PER_SECOND);
  return { seconds, nanoseconds: Math.floor((ms - seconds * MS_PER_SECOND) * NS_PER_MS) };
}
