import { rm, truncate, writeFile } from 'node:fs/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { Runner } from '../../../host/runner.ts';
import type { RootDiskPlan } from '../driver.ts';
import { copySparse } from './copy-sparse.ts';

const PRIVATE_MODE = 0o600;
const KIB = 1024;

/**
 * Makes a root disk that is smaller than its base in an existing file, whose name ends with `.tmp`: a file system cannot be shared by one
 * that ends earlier, so this is a copy of all that is in it, which we made ourselves and no guest has written to. Takes seconds.
 */
export async function createSmaller(
  runner: Runner,
  { path, base, bytes, signal }: RootDiskPlan,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  // What a maker before left that was killed goes by this ending, too.
  const raw = path.replace(/tmp$/, 'raw.tmp');
  try {
    await writeFile(raw, '', { flag: 'wx', mode: PRIVATE_MODE });
    await copySparse(runner, base, raw, signal);
    await shrink(runner, raw, bytes, options);
    await truncate(raw, bytes);
    await runner.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, path], options);
  } finally {
    await rm(raw, { force: true });
  }
}

async function shrink(
  runner: Runner,
  raw: string,
  bytes: number,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  try {
    // Without -f it wants a check that has been made already when the image was.
    await runner.run(['resize2fs', '-f', raw, `${Math.floor(bytes / KIB)}K`], options);
  } catch (cause) {
    if (!isBangerError(cause, 'command_failed')) throw cause;
    throw new BangerError(
      'invalid_argument',
      `A root disk of ${bytes} bytes cannot hold its image: ${cause.message}`,
      {
        cause,
        hint: 'Give a larger --root-size, or leave it out.',
      },
    );
  }
}
