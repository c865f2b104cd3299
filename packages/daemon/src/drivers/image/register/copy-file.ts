import { constants } from 'node:fs';
import { chmod, copyFile, open, rm } from 'node:fs/promises';
import { isDiskFull } from '../../../host/disk-full.ts';
import { BLOCK_BYTES } from '../ext4/geometry.ts';

const PIECE_BYTES = 1024 ** 2;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
const PRIVATE_MODE = 0o600;
const READ_ONLY_MODE = 0o400;

/**
 * Copies a file into a new one, read-only and synced: its blocks are shared where the file system can do that; else what is zeros becomes holes.
 * What was copied when it rejects is the caller's to remove. `onBytes` is told how far it is.
 */
export async function copyWhole(
  from: string,
  to: string,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (done: number) => void },
): Promise<void> {
  if (!(await shareBlocks(from, to))) await copyPieces(from, to, signal, onBytes);
  await chmod(to, READ_ONLY_MODE);
}

/** False when blocks cannot be shared there; then there is no file. */
async function shareBlocks(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch (error) {
    if (isDiskFull(error)) throw error;
    await rm(to, { force: true });
    return false;
  }
  await using file = await open(to, constants.O_RDONLY);
  await file.sync();
  return true;
}

async function copyPieces(
  from: string,
  to: string,
  signal: AbortSignal,
  onBytes: (done: number) => void,
): Promise<void> {
  await using source = await open(from, constants.O_RDONLY | constants.O_NONBLOCK);
  await using target = await open(to, 'wx', PRIVATE_MODE);
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    for (const { start, end } of filled(buffer.subarray(0, bytesRead)))
      for (let done = start; done < end;)
        done += (await target.write(buffer, done, end - done, at + done)).bytesWritten;
    at += bytesRead;
    onBytes(at);
  }
  await target.truncate(at);
  await target.sync();
}

/** The stretches of whole blocks that have something in them. */
function* filled(piece: Buffer): Generator<{ readonly start: number; readonly end: number }, void, void> {
  let start = -1;
  for (let at = 0; at < piece.length; at += BLOCK_BYTES) {
    const end = Math.min(at + BLOCK_BYTES, piece.length);
    const isHole = piece[at] === 0 && piece.compare(ZEROS, 0, end - at, at, end) === 0;
    if (isHole && start >= 0) yield { start, end: at };
    if (isHole) start = -1;
    else if (start < 0) start = at;
  }
  if (start >= 0) yield { start, end: piece.length };
}
