import { z } from 'zod';
import { MOST_MANIFEST_BYTES } from '../oci/image-limits.ts';
import { mistakenImage } from '../oci/invalid.ts';
import { dockerManifestSchema, layoutSchema } from '../oci/source/schemas.ts';
import type { TarEntry } from '../oci/tar/entry.ts';

/** By what a file at the root of an archive tells that it is one of an image; a root file system may have another file of that name. */
const MARKS = [
  { path: 'oci-layout', schema: layoutSchema, transport: 'oci-archive' },
  { path: 'manifest.json', schema: dockerManifestSchema.min(1), transport: 'docker-archive' },
  { path: 'manifest.json', schema: z.object({ bundle: z.number() }), transport: 'bundle' },
] as const;

/**
 * Gives the entry back, to be read once, when it is no mark of an archive of an image. As a root file system such an archive would be one that has
 * nothing but layers in it. Rejects with `image_invalid`.
 */
export async function checkNoImage(entry: TarEntry, path: string): Promise<TarEntry> {
  const marks = MARKS.filter((mark) => mark.path === path);
  if (marks.length === 0 || entry.kind !== 'file' || entry.size > MOST_MANIFEST_BYTES) return entry;
  const pieces: Buffer[] = [];
  for await (const piece of entry.content) pieces.push(Buffer.from(piece));
  const bytes = Buffer.concat(pieces);
  const value = jsonOf(bytes);
  const mark = marks.find(({ schema }) => schema.safeParse(value).success);
  if (mark === undefined) return { ...entry, content: [bytes] };
  throw mistakenImage(
    `The archive is one of an image, which its ${path} tells, and no root file system.`,
    `Pull it as ${mark.transport}:FILE, or as - from standard input.`,
  );
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
