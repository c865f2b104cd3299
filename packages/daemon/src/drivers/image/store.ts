import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError, isBangerError } from '@banger/contract/error';
import { checkArtifactName, isArtifactName } from '../../domain/artifact-name.ts';
import type { Leftover } from '../../domain/leftover.ts';
import { readJson, writeFileAtomic } from '../../host/private-files.ts';
import { StagedDirectories, type DirectoryListener } from '../../host/staged-directories.ts';
import type { DamagedImage, ImageStore, StoredImage } from './driver.ts';
import { allocatedBytes } from './ext4.ts';
import { imageManifestSchema, type ImageManifest } from './manifest.ts';
import { checkUserFile } from './register/user-file.ts';

/** Names inside a stored image's directory. */
export const imageFiles = {
  manifest: 'manifest.json',
  rootDisk: 'root.ext4',
  workTemplate: 'work.ext4',
} as const;

/** Images as directories below one of ours. */
export class ImageDirectory implements ImageStore {
  readonly staged: StagedDirectories;

  /** `root`: absolute path of the store. `removeTree` must be able to delete what a build leaves half-made. */
  constructor(root: string, removeTree?: (path: string) => Promise<void>, changed?: DirectoryListener) {
    this.staged = new StagedDirectories(root, removeTree, changed);
  }

  async list(): Promise<{
    readonly images: readonly StoredImage[];
    readonly damaged: readonly DamagedImage[];
  }> {
    const images: StoredImage[] = [];
    const damaged: DamagedImage[] = [];
    for (const name of (await this.staged.names()).filter(isArtifactName)) {
      try {
        const image = await this.get(name);
        if (image !== undefined) images.push(image);
      } catch (error) {
        if (!isBangerError(error, 'image_invalid')) throw error;
        damaged.push({ name, reason: error.message });
      }
    }
    return { images, damaged };
  }

  async get(name: string): Promise<StoredImage | undefined> {
    checkArtifactName('image', name);
    if (!(await this.staged.has(name))) return undefined;
    const directory = this.staged.path(name);
    const workTemplate = join(directory, imageFiles.workTemplate);
    try {
      const manifest = await readManifest(name, directory);
      const isUsers = manifest.source === 'file' && !manifest.promoted;
      const rootDisk = isUsers ? manifest.reference : join(directory, imageFiles.rootDisk);
      if (isUsers) await checkUserFile(manifest);
      else await checkSize(rootDisk, manifest.rootBytes);
      await checkSize(workTemplate, manifest.workBytes);
      const ours = isUsers ? [workTemplate] : [rootDisk, workTemplate];
      let diskUsedBytes = 0;
      for (const file of ours) diskUsedBytes += await allocatedBytes(file);
      return { manifest, directory, rootDisk, workTemplate, diskUsedBytes };
    } catch (cause) {
      if (!(await this.staged.has(name))) return undefined;
      if (isBangerError(cause, 'image_invalid')) throw cause;
      const why = (cause as Error).message.replace(/\.?$/, '.');
      throw new BangerError('image_invalid', `The stored image "${name}" is damaged: ${why}`, {
        cause,
        hint: `Delete it with \`banger image delete ${name}\` and pull it again.`,
        details: { image: name },
      });
    }
  }

  async checkBase(name: string): Promise<void> {
    if (!isArtifactName(name)) return;
    const manifest = await readManifest(name, this.staged.path(name)).catch(() => undefined);
    if (manifest?.source === 'file' && !manifest.promoted) await checkUserFile(manifest);
  }

  async remove(name: string): Promise<void> {
    checkArtifactName('image', name);
    if (!(await this.staged.remove(name)))
      throw new BangerError('image_not_found', `There is no image named "${name}".`, {
        details: { image: name },
      });
  }

  leftovers(): Promise<readonly Leftover[]> {
    return this.staged.leftovers();
  }
}

/**
 * The last that is written of an image in a directory of staging. Rejects with `cancelled`: what was given up meanwhile is not to be
 * published.
 */
export async function storeManifest(
  staging: string,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<void> {
  await writeFileAtomic(join(staging, imageFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  if (signal.aborted) throw new BangerError('cancelled', 'The call was cancelled.');
}

async function readManifest(name: string, directory: string): Promise<ImageManifest> {
  const parse = (value: unknown): ImageManifest => imageManifestSchema.parse(value);
  const manifest = await readJson(join(directory, imageFiles.manifest), parse);
  if (manifest === undefined) throw new Error('its manifest is missing');
  if (manifest.name !== name) throw new Error(`its manifest is of ${manifest.name}`);
  return manifest;
}

async function checkSize(file: string, bytes: number): Promise<void> {
  const { size } = await stat(file);
  if (size !== bytes) throw new Error(`${file} has ${size} bytes, not ${bytes}`);
}
