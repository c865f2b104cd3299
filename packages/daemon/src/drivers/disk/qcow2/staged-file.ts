import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { asDiskFull as diskFullOr } from '../../../host/disk-full.ts';
import { syncDirectory } from '../../../host/private-files.ts';

const PRIVATE_MODE = 0o600;

/**
 * Makes a file whole: `fill` gets the path of an empty file, 0600, beside the final place (`.NAME.<random>.tmp`), which is
 * then synced and renamed. Whatever fails, nothing new is left and what was there stays. One maker a path at a time.
 */
export async function makeStaged(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const directory = dirname(path);
  await removeStale(path);
  const temporary = join(directory, `${staleBefore(path)}${randomBytes(6).toString('hex')}.tmp`);
  try {
    await (await open(temporary, 'wx', PRIVATE_MODE)).close();
    await fill(temporary);
    await sync(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw asDiskFull(error, path);
  }
  await syncDirectory(directory);
}

/** What a maker of before left that was killed. */
async function removeStale(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory))
    if (name.startsWith(staleBefore(path)) && name.endsWith('.tmp'))
      await rm(join(directory, name), { force: true });
}

function staleBefore(path: string): string {
  return `.${basename(path)}.`;
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The error as `disk_full` of that disk when it means a full disk, else as it is. */
export function asDiskFull(error: unknown, path: string): unknown {
  return diskFullOr(error, `There is no room for the disk ${path}.`, { path });
}

/** Size of an image that a disk is made from. Rejects with `image_invalid` when it is missing. */
export async function sizeOf(image: string): Promise<number> {
  const found = await stat(image).catch((cause: unknown) => {
    throw missingImage(image, cause);
  });
  if (!found.isFile()) throw missingImage(image, undefined);
  return found.size;
}

/** Rejects as `sizeOf`, and with `invalid_argument` when the image does not fit. */
export async function sizeToHold(image: string, bytes: number): Promise<void> {
  const size = await sizeOf(image);
  if (size <= bytes) return;
  throw new BangerError(
    'invalid_argument',
    `A disk of ${bytes} bytes cannot hold its image of ${size} bytes.`,
    {
      details: { bytes, least: size },
    },
  );
}

/** The error for an image that a disk needs and that is not there. */
export function missingImage(image: string, cause: unknown): BangerError {
  return new BangerError('image_invalid', `The image ${image} is missing or is no file.`, {
    cause,
    details: { path: image },
  });
}
