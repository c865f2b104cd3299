import { cp, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { StageContext } from '../../domain/stage-progress.ts';
import { writeFileAtomic } from '../../host/private-files.ts';
import type { Runner } from '../../host/runner.ts';
import { diskUsage } from './disk-usage.ts';
import { buildInitramfs, INITRAMFS_LAYOUT, type AgentBinary } from './initramfs.ts';
import type { KernelFiles } from './kernel-files.ts';
import { KERNEL_MANIFEST_VERSION, type KernelManifest } from './manifest.ts';
import { ModuleTree } from './module-tree.ts';
import { kernelFiles } from './store.ts';
import { readVmlinux } from './vmlinux.ts';

/** What the files of a kernel do not tell; the version is the release unless told. */
export type KernelOrigin = Pick<KernelManifest, 'distribution' | 'source' | 'image' | 'importedSha256'> & {
  readonly version?: string;
};

/** Where in a staging directory is what was fetched, until the kernel is assembled from it. */
export function fetchedIn(staging: string): string {
  return join(staging, 'fetch');
}

/** Where what was fetched is unpacked, likewise. */
export function unpackedIn(staging: string): string {
  return join(staging, 'package');
}

/** What a stored kernel is made of. */
export interface KernelParts {
  readonly name: string;
  /** Private directory that becomes the kernel's; nothing but the kernel is in it afterwards. */
  readonly staging: string;
  readonly files: KernelFiles;
  readonly origin: KernelOrigin;
  /** The files lie in the staging directory and may be taken rather than copied. */
  readonly move: boolean;
  /** An initramfs of the user's, to be unpacked before ours. */
  readonly initrd?: Buffer;
  readonly agent: AgentBinary;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Fills a staging directory with a whole kernel and syncs it. Rejects with `kernel_invalid` when it cannot boot a VM. */
export async function assembleKernel(
  { name, staging, files, origin, move, initrd, agent, now }: KernelParts,
  runner: Runner,
  context: StageContext,
): Promise<void> {
  const { signal, onProgress } = context;
  const tools = { runner, scratch: staging, signal };
  onProgress({ stage: 'Extracting vmlinux' });
  const kernel = await readVmlinux(files, tools);
  const modules = await stageModules(files.modules, kernel.release, staging, move, runner, context);

  onProgress({ stage: 'Building the initramfs' });
  const tree = modules === undefined ? undefined : await ModuleTree.open(modules, tools);
  const initramfs = await buildInitramfs(agent, tree, initrd);

  onProgress({ stage: 'Storing the kernel' });
  await writeFileAtomic(join(staging, kernelFiles.vmlinux), kernel.bytes);
  await writeFileAtomic(join(staging, kernelFiles.initramfs), initramfs.image);
  if (initrd !== undefined) await writeFileAtomic(join(staging, kernelFiles.initrd), initrd);
  const manifest: KernelManifest = {
    manifest: KERNEL_MANIFEST_VERSION,
    name,
    distribution: origin.distribution,
    arch: 'x86_64',
    version: origin.version ?? kernel.release,
    release: kernel.release,
    sha256: kernel.sha256,
    source: origin.source,
    ...(origin.image === undefined ? {} : { image: origin.image }),
    ...(origin.importedSha256 === undefined ? {} : { importedSha256: origin.importedSha256 }),
    createdAt: new Date(now).toISOString(),
    bytes: await diskUsage(staging),
    modules: [...initramfs.modules],
    initramfs: { agentSha256: agent.sha256, layout: INITRAMFS_LAYOUT },
  };
  await writeFileAtomic(join(staging, kernelFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  // One syncfs(2) for the thousand files of the modules, each of which would else wait for the disk by itself.
  await runner.run(['sync', '--file-system', staging], { signal });
}

/** Brings the modules to their place in the staging directory, indexed for modprobe; removes what else is there. */
async function stageModules(
  from: string | undefined,
  release: string,
  staging: string,
  move: boolean,
  runner: Runner,
  { signal, onProgress }: StageContext,
): Promise<string | undefined> {
  const base = join(staging, 'base');
  const indexed = join(base, 'lib/modules', release);
  const place = join(staging, kernelFiles.modules);
  if (from === undefined) {
    onProgress({
      stage: 'The kernel comes without modules: it must have everything built in',
      level: 'notice',
    });
  } else {
    onProgress({ stage: 'Storing modules' });
    await mkdir(join(base, 'lib/modules'), { recursive: true });
    if (move) await rename(from, indexed);
    else await copyTree(from, indexed, signal);
    await indexModules(base, release, runner, { signal, onProgress });
    await rename(indexed, place);
  }
  for (const path of [base, fetchedIn(staging), unpackedIn(staging)])
    await rm(path, { recursive: true, force: true });
  return from === undefined ? undefined : place;
}

/** modprobe in the guest reads indexes that packages leave to the installing machine to make. */
async function indexModules(
  base: string,
  release: string,
  runner: Runner,
  { signal, onProgress }: StageContext,
): Promise<void> {
  if ((await runner.which('depmod')) === undefined) {
    onProgress({
      stage: 'There is no depmod on this machine: run `depmod` in a guest before modprobe',
      detail: 'install kmod to have it done here',
      level: 'notice',
    });
    return;
  }
  await runner.run(['depmod', '--basedir', base, release], { signal });
}

/** Copies files and directories; links are left out: `build` and `source` point to what is not part of the kernel. */
async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  await cp(from, to, {
    recursive: true,
    filter: async (path) => {
      if (signal.aborted) throw new BangerError('cancelled', 'The call was cancelled.');
      const info = await lstat(path);
      return info.isFile() || info.isDirectory();
    },
  });
}
