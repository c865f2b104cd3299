import type { BangerError } from '@banger/contract/error';
import type { Leftover } from '../../domain/leftover.ts';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { ImageManifest } from './manifest.ts';

export type { ImageManifest } from './manifest.ts';

/** An image on this machine, complete and readable. */
export interface StoredImage {
  readonly manifest: ImageManifest;
  /** Absolute path of its directory. */
  readonly directory: string;
  /**
   * Absolute path of the root file system: raw ext4, sparse, never written; the base of copy-on-write disks. In the directory, unless it
   * is a file of the user.
   */
  readonly rootDisk: string;
  /**
   * Absolute path of a work disk to copy (sparsely) and enlarge: raw ext4 with what the image has in /root, whose
   * file system can grow to 1 TiB while mounted.
   */
  readonly workTemplate: string;
  /** Bytes that its files in the directory take on disk, holes left out. */
  readonly diskUsedBytes: number;
}

/** A directory in the store that is no usable image; only `remove` takes its name. */
export interface DamagedImage {
  readonly name: string;
  readonly reason: string;
}

/** The images of this machine, a directory each. */
export interface ImageStore {
  /** Sorted by name. */
  list(): Promise<{ readonly images: readonly StoredImage[]; readonly damaged: readonly DamagedImage[] }>;
  /** Undefined when there is none; rejects with `image_invalid` when it is damaged, `name_invalid` for no name. */
  get(name: string): Promise<StoredImage | undefined>;
  /**
   * Before a disk over an image is used again: rejects with `image_invalid` when the image is a file of the user that is gone, or is not as it was
   * when it was registered. Of all other images nothing is said.
   */
  checkBase(name: string): Promise<void>;
  /** Removes it, also a damaged one, at once as seen by others; never a file of the user. Rejects with `image_not_found`. */
  remove(name: string): Promise<void>;
  /** What a killed daemon left half-made, and no call works on. */
  leftovers(): Promise<readonly Leftover[]>;
}

/** A file of the user that is to be an image. */
export interface RegisterWish {
  readonly name: string;
  /** Absolute path of an ext4 file system. */
  readonly rootfs: string;
  readonly kernel: string;
}

/** Makes images of files of the user. Calls for one name at a time do the work once; it stops when the last of them is cancelled. */
export interface ImageRegistrar {
  /**
   * Takes down that a file is an image, which stays where and what it is, or answers the one of that name and file that is here. Rejects with
   * `invalid_argument` (no such file), `name_taken`, `image_invalid`, `image_unsupported`, `disk_full`, `cancelled`; then nothing has changed.
   */
  register(wish: RegisterWish, context: StageContext): Promise<StoredImage>;
  /**
   * Copies the file of a registered image, or answers what is in our care already. `refuse` is called before the work and before its result
   * counts, and throws where the image must stay as it is. Rejects with `image_not_found`, `image_invalid` (changed meanwhile too), `disk_full`,
   * `cancelled`, or what `refuse` throws; then nothing has changed.
   */
  promote(name: string, refuse: () => void, context: StageContext): Promise<StoredImage>;
  /** Resolves when nothing of that name is at work: to be awaited before a removal. */
  idle(name: string, signal: AbortSignal): Promise<void>;
}

/** Where an image of a catalog is to be had: built by its recipe, or pulled by a text. */
export type ImageCatalogSource =
  | { readonly type: 'recipe'; readonly text: 'recipe' }
  | {
      readonly type: 'bundle' | 'oci';
      readonly text: string;
      /** Length of the bundle, where it is known. */
      readonly bytes?: number | undefined;
    };

/** An image that can be had by name. */
export interface ImageCatalogEntry {
  readonly name: string;
  readonly description: string;
  readonly distribution: string;
  readonly arch: string;
  /** Tried in this order; at least one. */
  readonly sources: readonly ImageCatalogSource[];
  /** Name of the kernel that it boots with unless the user names another. */
  readonly kernel: string;
  /** `agent`: no init system, the agent is PID 1; else the path of the image's init. */
  readonly init: string;
}

/** What can be had by name, as far as is known. */
export interface ImageCatalog {
  readonly entries: readonly ImageCatalogEntry[];
  /** Why a catalog of the configuration could not be read: `config_invalid`. */
  readonly unreadable: readonly BangerError[];
}

/** Images by name. */
export interface ImageCatalogs {
  /** Read anew each time: whoever adds an image to a catalog of the configuration sees it at once. */
  read(): Promise<ImageCatalog>;
}

/** Makes images of the catalog by their recipes; what it makes is in the store when a call resolves, and only then. */
export interface ImageBuilder {
  /**
   * Makes an image of the catalog, or answers the one that is here. Calls for one name at a time do the work once; it
   * stops when the last of them is cancelled. Rejects with `image_not_found` (no recipe), `image_invalid` (what
   * is here is damaged), `missing_tool`, `command_failed`, `disk_full`, `cancelled`; then nothing has changed.
   */
  build(name: string, context: StageContext): Promise<StoredImage>;
  /** Resolves when no build of that name is at work: to be awaited before a removal. */
  idle(name: string, signal: AbortSignal): Promise<void>;
}

/** Where an image that is in no catalog is to be had. */
export interface ImageOrigin {
  /** In its full form, which reads as the same: `docker.io/library/alpine:3.19`, `oci:/srv/image`. */
  readonly text: string;
  /** What stores call it unless the user names it: `alpine-3.19`. */
  readonly defaultName: string;
  /** The same, when an image of another origin has that name. */
  readonly otherName: string;
}

/** What an image is stored as. */
export interface ImagePullWish {
  readonly name: string;
  readonly kernel: string;
  /** Size of its root file system; as recipes have it unless told. */
  readonly rootBytes: number | undefined;
  /** Length of a bundle that is fetched, where it is known. */
  readonly bytes?: number | undefined;
}

/** Brings images here from registries, and from layouts, archives, bundles and tarballs of this machine. */
export interface ImagePuller {
  /** Reads what a user wrote. Throws `invalid_argument` when it names nothing that could be had. */
  origin(text: string): ImageOrigin;
  /**
   * Brings an image here, or answers the one of that name and origin that is here. Calls for one name at a time do the work once; it stops
   * when the last of them is cancelled. Rejects with `name_taken` (one of another origin has the name), `image_not_found`,
   * `image_unsupported`, `image_invalid`, `registry_auth`, `registry_failed`, `download_failed`, `invalid_argument` (a size below its content), `disk_full`,
   * `cancelled`; then there is no such image.
   */
  pull(origin: ImageOrigin, wish: ImagePullWish, context: StageContext): Promise<StoredImage>;
  /**
   * The kernel that the image itself asks for; undefined where it asks for none. Rejects with `invalid_argument` where there is no file,
   * `image_invalid` and `image_unsupported`.
   */
  kernelOf(origin: ImageOrigin): Promise<string | undefined>;
  /** Resolves when no pull of that name is at work: to be awaited before a removal. */
  idle(name: string, signal: AbortSignal): Promise<void>;
}

/** Files that clients send, to be pulled from. */
export interface ImageUploads {
  /**
   * Takes a file, and gives its SHA-256 by which it is pulled (`upload:HEX`, `tarball:upload:HEX`). It goes when `gone` fires and nobody reads it any more. Rejects
   * with `invalid_argument` (too long), `disk_full`, `cancelled`, or what the bytes reject with; then there is nothing.
   */
  receive(bytes: AsyncIterable<Buffer>, gone: AbortSignal): Promise<string>;
  /** Works with a file, which stays for as long. Rejects with `image_not_found` when it is not here. */
  use<T>(sha256: string, work: (path: string) => Promise<T>): Promise<T>;
}

/** Gives images away. */
export interface ImageExporter {
  /** An image as the bytes of a bundle. What is read rejects with `image_invalid`, `image_unsupported` or `cancelled`. */
  bundle(image: StoredImage, signal: AbortSignal): AsyncIterable<Buffer>;
}

/** Layers that were fetched, by digest; all of it can be thrown away. */
export interface LayerCache {
  /** Sorted by digest. `held`: a pull works with it. */
  list(): Promise<readonly { readonly digest: string; readonly bytes: number; readonly held: boolean }[]>;
  /** Removes one; false when it is not there, or held. */
  remove(digest: string): Promise<boolean>;
  /** What a killed daemon left of downloads. */
  leftovers(): Promise<readonly Leftover[]>;
}
