import { unlink, writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { Runner } from '../../host/runner.ts';
import { expandLz4Legacy } from './lz4.ts';

/** A stripped distribution kernel is 30-70 MB, one with everything built in below 200; more is a bomb. */
export const MAX_VMLINUX_BYTES = 512 * 1024 * 1024;

/** How a kernel image or a module is compressed, told by its first bytes. */
type Compression = 'none' | 'gzip' | 'xz' | 'zstd' | 'lz4';

const MAGICS: readonly (readonly [string, Compression])[] = [
  ['7f454c46', 'none'],
  ['1f8b', 'gzip'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['02214c18', 'lz4'],
];

/** Named so that the message can say what it is; the kernel can be built with them, banger cannot expand them. */
const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['425a68', 'bzip2'],
  ['5d0000', 'lzma'],
  ['894c5a4f', 'lzo'],
];

/** How these bytes are compressed. Throws a plain Error that says what they are when banger cannot expand them. */
function compressionOf(bytes: Buffer): Compression {
  const start = bytes.toString('hex', 0, 8);
  const known = MAGICS.find(([magic]) => start.startsWith(magic));
  if (known !== undefined) return known[1];
  const unsupported = UNSUPPORTED.find(([magic]) => start.startsWith(magic));
  throw new Error(
    unsupported === undefined
      ? 'its compression is unknown'
      : `it is compressed by ${unsupported[1]}, not supported`,
  );
}

/**
 * Expands bytes of a kernel or module. xz goes through the program of that name and a file in `scratch`, a private
 * directory. Throws a plain Error when they are damaged or expand to more than `maxBytes`.
 */
export async function expand(
  bytes: Buffer,
  options: {
    readonly runner: Runner;
    readonly scratch: string;
    readonly signal: AbortSignal;
    readonly maxBytes?: number;
  },
): Promise<Buffer> {
  const maxOutputLength = options.maxBytes ?? MAX_VMLINUX_BYTES;
  switch (compressionOf(bytes)) {
    case 'none':
      return bytes;
    case 'gzip':
      return promisify(gunzip)(bytes, { maxOutputLength });
    case 'zstd':
      return promisify(zstdDecompress)(bytes, { maxOutputLength });
    case 'lz4':
      return expandLz4Legacy(bytes, maxOutputLength);
    case 'xz':
      return expandXz(bytes, { ...options, maxBytes: maxOutputLength });
  }
}

/** The dictionary of the kernel's own xz settings is 32 MiB; a larger one would only serve to fill our memory. */
const XZ_MEMORY_LIMIT = '256MiB';

async function expandXz(
  bytes: Buffer,
  options: {
    readonly runner: Runner;
    readonly scratch: string;
    readonly signal: AbortSignal;
    readonly maxBytes: number;
  },
): Promise<Buffer> {
  const packed = join(options.scratch, 'payload.xz');
  const plain = join(options.scratch, 'payload');
  await writeFile(packed, bytes, { mode: 0o600 });
  try {
    const argv = ['xz', '--decompress', '--force', '--keep', `--memlimit=${XZ_MEMORY_LIMIT}`] as const;
    const listing = await options.runner.run(['xz', '--robot', '--list', packed], { signal: options.signal });
    if (xzExpandedSize(listing.stdout) > options.maxBytes) throw new Error('it expands to an absurd size');
    await options.runner.run([...argv, packed], { signal: options.signal });
    return await readFile(plain);
  } finally {
    await unlink(packed).catch(() => undefined);
    await unlink(plain).catch(() => undefined);
  }
}

/** Sixth column of the `totals` line: uncompressed size (xz(1), "Robot mode"). */
function xzExpandedSize(listing: string): number {
  const totals = listing.split('\n').find((line) => line.startsWith('totals\t'));
  const size = Number(totals?.split('\t')[4]);
  if (!Number.isSafeInteger(size)) throw new Error('xz does not tell its size');
  return size;
}
