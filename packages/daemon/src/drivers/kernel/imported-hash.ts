import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { KernelFiles } from './kernel-files.ts';

/**
 * SHA-256 of all that a kernel is imported from: the image, the initrd and the modules as they are copied, each by its path in their tree. Where on
 * the machine they lie is no part of it. Rejects as the file system does.
 */
export async function importedSha256(
  { image, modules }: KernelFiles,
  initrd: Buffer | undefined,
): Promise<string> {
  const all = createHash('sha256');
  const add = (what: string, path: string, sha256: string): void =>
    void all.update(`${JSON.stringify([what, path, sha256])}\n`);
  add('image', '', await fileSha256(image));
  if (initrd !== undefined) add('initrd', '', createHash('sha256').update(initrd).digest('hex'));
  if (modules !== undefined)
    for (const path of await filesBelow(modules))
      add('module', relative(modules, path), await fileSha256(path));
  return all.digest('hex');
}

/** Links are not copied either. */
async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
