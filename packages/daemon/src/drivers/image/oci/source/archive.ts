import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { ByteBudget } from '../byte-budget.ts';
import { invalidImage } from '../invalid.ts';
import { layerPath } from '../merge/layer-path.ts';
import { readTar } from '../tar/reader.ts';
import type { Blob, BlobSource } from './blob.ts';
import { FileChunks } from './file-chunks.ts';

/** Files in an archive of an image: an index, a manifest, a configuration and layers, for each of some images. */
const MAX_FILES = 100_000;
/** Links from file to file; old versions of `docker save` link a layer that two images share. */
const MAX_LINKS = 8;

type Found = { readonly offset: number; readonly size: number } | { readonly link: string };

/** An image in an archive that is not packed itself. Its headers are read once, its content where it lies. */
export class ArchiveBlobs implements BlobSource {
  readonly #path: string;
  readonly #files: ReadonlyMap<string, Found>;

  private constructor(path: string, files: ReadonlyMap<string, Found>) {
    this.#path = path;
    this.#files = files;
  }

  /** Rejects with `image_invalid`. */
  static async open(path: string): Promise<ArchiveBlobs> {
    const { size } = await stat(path);
    const files = new Map<string, Found>();
    for await (const entry of readTar(new FileChunks(path, 0, size), new ByteBudget())) {
      const name = layerPath(entry.name);
      if (entry.kind === 'file' && entry.offset !== undefined)
        files.set(name, { offset: entry.offset, size: entry.size });
      else if (entry.kind === 'symlink')
        files.set(name, { link: inArchive(posix.dirname(name), entry.linkName) });
      else if (entry.kind === 'hard link') files.set(name, { link: inArchive('', entry.linkName) });
      if (files.size > MAX_FILES) throw invalidImage(`The archive has more than ${MAX_FILES} files.`);
    }
    return new ArchiveBlobs(path, files);
  }

  async find(path: string): Promise<Blob | undefined> {
    let found = this.#files.get(path);
    for (let links = 0; links < MAX_LINKS && found !== undefined && 'link' in found; links += 1)
      found = this.#files.get(found.link);
    if (found === undefined || 'link' in found) return undefined;
    const { offset, size } = found;
    return { size, open: () => new FileChunks(this.#path, offset, offset + size) };
  }
}

/** Where a link leads; what leads out of the archive leads to nothing in it. */
function inArchive(directory: string, target: Buffer): string {
  return posix.normalize(posix.join(directory, target.toString('latin1')));
}
