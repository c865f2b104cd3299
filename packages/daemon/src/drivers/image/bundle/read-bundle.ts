import { createHash } from 'node:crypto';
import { isBangerError } from '@banger/contract/error';
import { ByteBudget } from '../oci/byte-budget.ts';
import { decompressed } from '../oci/decompress.ts';
import { hashed } from '../oci/hashed.ts';
import { invalidImage, mistakenImage, shownBytes, TARBALL_HINT } from '../oci/invalid.ts';
import { counted, type Layer } from '../oci/layer.ts';
import { layerPath, namesOf, WHITEOUT } from '../oci/merge/layer-path.ts';
import type { TarEntry } from '../oci/tar/entry.ts';
import { readTar } from '../oci/tar/reader.ts';
import {
  BUNDLE_MANIFEST,
  BUNDLE_ROOT,
  MOST_BUNDLE_MANIFEST_BYTES,
  parseBundleManifest,
  type BundleManifest,
} from './bundle-manifest.ts';

/** The bytes of a bundle from the start; asked for more than once. */
export type OpenBundle = () => AsyncIterable<Buffer>;

/** A bundle whose manifest was read. */
export class Bundle {
  readonly manifest: BundleManifest;
  readonly #open: OpenBundle;
  readonly #text: string;
  #sha256: string | undefined;

  private constructor(open: OpenBundle, text: string) {
    this.#open = open;
    this.#text = text;
    this.manifest = parseBundleManifest(text);
  }

  /** Reads the manifest, and nothing behind it. Rejects with `image_invalid` or `image_unsupported`. */
  static async open(open: OpenBundle): Promise<Bundle> {
    const entries = readArchive(open());
    try {
      const first = await entries.next();
      if (first.done === true) throw invalidImage('The bundle is empty.');
      return new Bundle(open, await manifestText(first.value));
    } finally {
      await entries.return();
    }
  }

  /** Of the file as it is, once the layer was read to its end. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  /**
   * The root file system. Its entries are exactly those that the manifest counts: another name, another path, the same path twice, more
   * entries or bytes or less are `image_invalid`.
   */
  layer(signal: AbortSignal): Layer {
    return { entries: () => this.#entries(signal) };
  }

  async *#entries(signal: AbortSignal): AsyncGenerator<TarEntry, void, void> {
    const hash = createHash('sha256');
    const check = new ContentCheck(this.manifest);
    let isFirst = true;
    for await (const entry of readArchive(hashed(this.#open(), hash, signal))) {
      if (!isFirst) yield check.accept(entry);
      else if ((await manifestText(entry)) !== this.#text)
        throw invalidImage('The bundle has changed while it was read.');
      isFirst = false;
    }
    check.end();
    this.#sha256 = hash.digest('hex');
  }
}

/** True when the first entry of an archive has the name of a manifest, and what is in it says that it is one of a bundle. */
export async function beginsAsBundle(source: AsyncIterable<Buffer>): Promise<boolean> {
  const entries = readArchive(source);
  try {
    const first = await entries.next();
    return first.done !== true && /^\s*\{[^]*"bundle"\s*:/.test(await manifestText(first.value));
  } catch (error) {
    if (isBangerError(error, 'image_invalid')) return false;
    throw error;
  } finally {
    await entries.return();
  }
}

/** The entries of a packed archive; how much it unpacks to is limited. */
function readArchive(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, void> {
  const budget = new ByteBudget();
  return readTar(counted(decompressed(source), budget), budget);
}

async function manifestText(entry: TarEntry): Promise<string> {
  if (entry.kind !== 'file' || entry.name.toString('latin1') !== BUNDLE_MANIFEST)
    throw mistakenImage(
      `This is no bundle: it begins with "${shownBytes(entry.name)}", not with its manifest.`,
      TARBALL_HINT,
    );
  if (entry.size > MOST_BUNDLE_MANIFEST_BYTES)
    throw invalidImage(
      `The manifest of the bundle has ${entry.size} bytes; the most is ${MOST_BUNDLE_MANIFEST_BYTES}.`,
    );
  const pieces: Buffer[] = [];
  for await (const piece of entry.content) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

/** Holds entries to what the manifest says of them. */
class ContentCheck {
  readonly #content: BundleManifest['content'];
  readonly #paths = new Set<string>();
  #entries = 0;
  #bytes = 0;

  constructor({ content }: BundleManifest) {
    this.#content = content;
  }

  /** The entry as one of the root file system. */
  accept(entry: TarEntry): TarEntry {
    const path = inRoot(entry.name);
    this.#entries += 1;
    this.#bytes += entry.size;
    const { entries, bytes } = this.#content;
    if (this.#entries > entries || this.#bytes > bytes)
      throw invalidImage(
        `The bundle unpacks to more than its manifest says: ${entries} entries with ${bytes} bytes.`,
      );
    if (this.#paths.has(path)) throw invalidImage(`The bundle has "${shownBytes(entry.name)}" twice.`);
    this.#paths.add(path);
    return {
      ...entry,
      name: Buffer.from(path, 'latin1'),
      linkName: entry.kind === 'hard link' ? Buffer.from(inRoot(entry.linkName), 'latin1') : entry.linkName,
    };
  }

  end(): void {
    const { entries, bytes } = this.#content;
    if (this.#entries !== entries || this.#bytes !== bytes)
      throw invalidImage(
        `The bundle has ${this.#entries} entries with ${this.#bytes} bytes; its manifest says ${entries} with ${bytes}.`,
      );
  }
}

/** The path below the directory that the root file system is in. */
function inRoot(name: Buffer): string {
  const [directory, ...names] = namesOf(layerPath(name));
  if (directory !== BUNDLE_ROOT || name[0] === SLASH)
    throw invalidImage(`The bundle has "${shownBytes(name)}", which belongs to no bundle.`);
  if (names.some((each) => each.startsWith(WHITEOUT)))
    throw invalidImage(`The bundle has "${shownBytes(name)}", a name that hides another one.`);
  // The root itself is a dot: an entry has a name.
  return names.length === 0 ? '.' : names.join('/');
}

const SLASH = 0x2f;
