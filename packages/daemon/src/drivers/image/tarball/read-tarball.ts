import { createHash } from 'node:crypto';
import { ByteBudget } from '../oci/byte-budget.ts';
import { decompressed } from '../oci/decompress.ts';
import { hashed } from '../oci/hashed.ts';
import { invalidImage, shownBytes } from '../oci/invalid.ts';
import { counted, type Layer } from '../oci/layer.ts';
import { layerPath, namesOf, WHITEOUT } from '../oci/merge/layer-path.ts';
import type { TarEntry } from '../oci/tar/entry.ts';
import { readTar } from '../oci/tar/reader.ts';
import { checkNoImage } from './image-archive.ts';

/** A plain archive of a root file system, packed by gzip or zstd or not. It may be read more than once. */
export class Tarball {
  readonly #open: () => AsyncIterable<Buffer>;
  #sha256: string | undefined;

  /** `open`: its bytes from the start. */
  constructor(open: () => AsyncIterable<Buffer>) {
    this.#open = open;
  }

  /** Of the file as it is, once the layer was read to its end. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  /**
   * The root file system. An archive of an image, a layer that hides what is in others, nothing at all, one that is cut off and one that changes
   * from one reading to the next are `image_invalid`.
   */
  layer(signal: AbortSignal): Layer {
    return { entries: () => this.#entries(signal) };
  }

  async *#entries(signal: AbortSignal): AsyncGenerator<TarEntry, void, void> {
    const hash = createHash('sha256');
    const budget = new ByteBudget();
    const unpacked = counted(decompressed(hashed(this.#open(), hash, signal)), budget);
    let isEmpty = true;
    for await (const entry of readTar(unpacked, budget, { endMarked: true })) {
      const path = layerPath(entry.name);
      if (namesOf(path).some((name) => name.startsWith(WHITEOUT)))
        throw invalidImage(
          `The archive has "${shownBytes(entry.name)}", a name that hides another one: it is a layer of an image, and no root file system.`,
        );
      yield await checkNoImage(entry, path);
      isEmpty = false;
    }
    if (isEmpty) throw invalidImage('The archive has nothing in it.');
    const sha256 = hash.digest('hex');
    if (this.#sha256 !== undefined && this.#sha256 !== sha256)
      throw invalidImage('The archive has changed while it was read.');
    this.#sha256 = sha256;
  }
}
