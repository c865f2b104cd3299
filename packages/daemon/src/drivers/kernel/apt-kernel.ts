import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { Runner } from '../../host/runner.ts';
import { AptArchive, type AptPackage } from './apt-archive.ts';

/** A kernel package as a file. */
export interface FetchedPackage {
  readonly package: AptPackage;
  readonly file: string;
}

/**
 * Fetches a kernel's package by the machine's package manager into a directory that it makes; `scratch` is a private one. Rejects with
 * `kernel_not_found` when the machine's sources have none, and as `AptArchive` does.
 */
export async function fetchAptKernel(
  name: string,
  { directory, scratch }: { readonly directory: string; readonly scratch: string },
  runner: Runner,
  { signal, onProgress }: StageContext,
): Promise<FetchedPackage> {
  onProgress({ stage: 'Looking for the kernel package', detail: name });
  const attempt = async (archive: AptArchive): Promise<FetchedPackage> => {
    const wanted = await resolveImagePackage(archive, name);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: 0o700 });
    const stage = `Fetching ${wanted.name}`;
    onProgress({ stage, done: 0, total: wanted.size, unit: 'bytes' });
    const file = await archive.download(wanted, directory, (done, total) =>
      onProgress({ stage, done, total, unit: 'bytes' }),
    );
    return { package: wanted, file };
  };
  try {
    return await attempt(AptArchive.installed(runner, signal));
  } catch (error) {
    // Lists that were never fetched know no package, old ones name a version that the mirror has dropped.
    if (!isBangerError(error, 'kernel_not_found') && !isBangerError(error, 'command_failed')) throw error;
    onProgress({ stage: 'Fetching package lists', detail: "of this machine's sources, for this once" });
    const lists = join(scratch, 'apt');
    try {
      return await attempt(await AptArchive.fresh(runner, signal, lists));
    } finally {
      await rm(lists, { recursive: true, force: true });
    }
  }
}

/** The package with the kernel in it: the named one, or the one that it depends on as a meta package. */
async function resolveImagePackage(archive: AptArchive, name: string): Promise<AptPackage> {
  const meta = await archive.show(name);
  if (meta === undefined) throw unknownPackage(name);
  const dependency = meta.depends.find((each) => each.startsWith('linux-image-'));
  if (dependency === undefined) return meta;
  const image = await archive.show(dependency);
  if (image === undefined) throw unknownPackage(dependency);
  return image;
}

function unknownPackage(name: string): BangerError {
  return new BangerError('kernel_not_found', `The package sources of this machine have no ${name}.`, {
    hint: 'Take a kernel with `banger kernel import`, as `banger kernel import my-kernel --from /lib/modules/$(uname -r)`.',
    details: { package: name },
  });
}
