import type { FileHandle } from 'node:fs/promises';

/** Where in a Debian package its files are. */
export interface DebData {
  readonly start: number;
  readonly bytes: number;
}

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
/** Name, and size in decimal digits (deb(5), ar(5)). */
const NAME = [0, 16] as const;
const SIZE = [48, 58] as const;
/** A package has three members; signed ones have some more. */
const MOST_MEMBERS = 16;

/** True for a file that begins as a Debian package does. */
export function isDeb(head: Buffer): boolean {
  return head.toString('latin1', 0, MAGIC.length) === MAGIC;
}

/** Finds the archive of files in a Debian package (deb(5)). Throws a plain Error that says why when there is none. */
export async function findDebData(file: FileHandle): Promise<DebData> {
  const { size: end } = await file.stat();
  let at = MAGIC.length;
  for (let member = 0; member < MOST_MEMBERS && at < end; member += 1) {
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await file.read(header, 0, HEADER_BYTES, at);
    const name = header.toString('latin1', ...NAME).trim();
    const digits = header.toString('latin1', ...SIZE).trim();
    const bytes = /^\d{1,10}$/.test(digits) ? Number(digits) : NaN;
    const start = at + HEADER_BYTES;
    if (bytesRead < HEADER_BYTES || !(start + bytes <= end))
      throw new Error('it is a package that is cut short');
    if (member === 0 && name !== 'debian-binary')
      throw new Error('it is an archive, but no package of Debian');
    if (/^data\.tar(\.|$)/.test(name)) return { start, bytes };
    // Members begin at even places.
    at = start + bytes + (bytes % 2);
  }
  throw new Error('it is a package without files');
}
