import { unlink, writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { Runner } from '../../host/runner.ts';
import { expandLz4Legacy } from './lz4.ts';
import { unpackXz } from './xz.ts';

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

async function expandXz(
  bytes: Buffer,
  options: {
    readonly runner: Runner;
    readonly scratch: string;
    readonly signal: AbortSignal;
    readonly maxBytes: number;
  },
): Promise<Buffer> {
  const plain = join(options.scratch, 'payload');
  const packed = `${plain}.xz`;
  await writeFile(packed, bytes, { mode: 0o600 });
  try {
    await unpackXz(plain, options);
    return await readFile(plain);
  } finally {
    await unlink(packed).catch(() => undefined);
    await unlink(plain).catch(() => undefined);
  }
}
