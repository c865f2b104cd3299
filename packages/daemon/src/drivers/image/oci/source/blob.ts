import type { z } from 'zod';
import { verified } from '../digest.ts';
import { invalidImage } from '../invalid.ts';
import { MAX_JSON_BYTES } from './schemas.ts';

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

/** Finds a file that an image must have. Rejects with `image_invalid`. */
export async function blobAt(source: BlobSource, path: string): Promise<Blob> {
  const blob = await source.find(path);
  if (blob === undefined) throw invalidImage(`The image lacks ${JSON.stringify(path)}, which it names.`);
  return blob;
}

/** Reads JSON of a stranger: bounded, checked against its digest when one is given, and for its shape. Rejects with `image_invalid`. */
export async function readJsonBlob<T extends z.ZodType>(
  { size, open }: Blob,
  schema: T,
  what: string,
  digest?: string,
): Promise<z.infer<T>> {
  if (size > MAX_JSON_BYTES) throw invalidImage(`${what} has ${size} bytes; the most is ${MAX_JSON_BYTES}.`);
  const chunks: Buffer[] = [];
  const bytes = digest === undefined ? open() : verified(open(), { digest, size }, what);
  for await (const chunk of bytes) chunks.push(chunk);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw invalidImage(`${what} is no JSON.`, cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidImage(
    `${what} is not as it should be: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
    parsed.error,
  );
}
