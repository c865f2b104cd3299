import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Digest } from './digest.ts';

const OCI = 'application/vnd.oci.image';

/** How a layer lies in an image. */
export type Packing = 'plain' | 'gzip' | 'zstd';

const PACK: Readonly<Record<Packing, (bytes: Buffer) => Buffer>> = {
  plain: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

const TYPE: Readonly<Record<Packing, string>> = {
  plain: `${OCI}.layer.v1.tar`,
  gzip: `${OCI}.layer.v1.tar+gzip`,
  zstd: `${OCI}.layer.v1.tar+zstd`,
};

/** What names a blob. */
export interface PutBlob {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Takes a blob of an image, wherever the image is to be. */
export type Put = (bytes: Buffer, mediaType: string) => PutBlob;

/** A layer that was put. */
export interface PutLayer {
  readonly blob: PutBlob;
  readonly diffId: Digest;
}

/** What an image says besides its layers. */
export interface ImageOptions {
  /** What the configuration says besides platform and layers. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly architecture?: string | undefined;
  /** Changes what is written, by what it is. */
  readonly change?: (what: 'index' | 'manifest' | 'config', value: Record<string, unknown>) => unknown;
}

export interface LayoutOptions extends ImageOptions {
  readonly packing?: (layer: number) => Packing;
}

export function sha256(bytes: Buffer): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function describeBlob(bytes: Buffer, mediaType: string): PutBlob {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

/** Packs an archive and puts it. */
export function putLayer(put: Put, tar: Buffer, packing: Packing = 'gzip'): PutLayer {
  return { blob: put(PACK[packing](tar), TYPE[packing]), diffId: sha256(tar) };
}

/** Puts the configuration and the manifest of an image whose layers were put, the oldest first, and answers what names the image. */
export function putImage(put: Put, layers: readonly PutLayer[], options: ImageOptions = {}): PutBlob {
  const { config = {}, architecture = 'amd64', change = (_, value) => value } = options;
  const configuration = {
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: 'a test' })),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: put(json(change('config', configuration)), `${OCI}.config.v1+json`),
    layers: layers.map(({ blob }) => blob),
  };
  return put(json(change('manifest', manifest)), manifest.mediaType);
}

/** Puts an index of images by their architectures, and answers what names it. */
export function putIndex(put: Put, images: Readonly<Record<string, PutBlob>>): PutBlob {
  const manifests = Object.entries(images).map(([architecture, image]) => ({
    ...image,
    platform: { os: 'linux', architecture },
  }));
  const mediaType = `${OCI}.index.v1+json`;
  return put(json({ schemaVersion: 2, mediaType, manifests }), mediaType);
}

/** Puts blobs into an OCI layout in a directory, which may not be there yet. */
export function intoLayout(directory: string): Put {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  return (bytes, mediaType) => {
    const blob = describeBlob(bytes, mediaType);
    writeFileSync(join(blobs, blob.digest.slice('sha256:'.length)), bytes);
    return blob;
  };
}

/** Makes the directory a layout whose tags are these, of blobs that were put into it. */
export function tagLayout(
  directory: string,
  tags: Readonly<Record<string, PutBlob>>,
  change: NonNullable<ImageOptions['change']> = (_, value) => value,
): void {
  const manifests = Object.entries(tags).map(([tag, blob]) => ({
    ...blob,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  }));
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(directory, 'index.json'), json(change('index', { schemaVersion: 2, manifests })));
}

/** Writes an image with the tag `image` as an OCI layout. */
export function writeLayout(directory: string, layers: readonly Buffer[], options: LayoutOptions = {}): void {
  const { packing = () => 'gzip', change } = options;
  const put = intoLayout(directory);
  const packed = layers.map((layer, at) => putLayer(put, layer, packing(at)));
  tagLayout(directory, { image: putImage(put, packed, options) }, change);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
