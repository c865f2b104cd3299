import type { Digest } from '../digest.ts';
import { invalidImage } from '../invalid.ts';
import { verified } from '../verified.ts';

/** Bytes where they lie; they can be read more than once. */
export interface Blob {
  readonly size: number;
  open(): AsyncIterable<Buffer>;
}

/** Files of an image by a path with slashes, such as `blobs/sha256/…`, be they in a directory or in an archive. */
export interface BlobSource {
  /** Undefined when there is no such file. */
  find(path: string): Promise<Blob | undefined>;
}

/** How an image of this machine is called in errors about its documents. */
export const THE_IMAGE = 'The image';

/** Finds a file that an image must have. Rejects with `image_invalid`. */
export async function blobAt(source: BlobSource, path: string): Promise<Blob> {
  const blob = await source.find(path);
  if (blob === undefined) throw invalidImage(`The image lacks ${JSON.stringify(path)}, which it names.`);
  return blob;
}

/** Reads a document whole: bounded, and checked against its digest when one is given. Rejects with `image_invalid`. */
export async function readBlob(
  { size, open }: Blob,
  most: number,
  what: string,
  digest?: Digest,
): Promise<Buffer> {
  if (size > most) throw invalidImage(`${what} has ${size} bytes; the most is ${most}.`);
  const chunks: Buffer[] = [];
  const bytes = digest === undefined ? open() : verified(open(), { digest, size }, what);
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
