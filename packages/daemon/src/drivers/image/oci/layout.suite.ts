import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Digest } from './digest.ts';

/** How a layer lies in an image. */
export type Packing = 'plain' | 'gzip' | 'zstd';

const PACK: Readonly<Record<Packing, (bytes: Buffer) => Buffer>> = {
  plain: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

const TYPE: Readonly<Record<Packing, string>> = {
  plain: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

export interface LayoutOptions {
  readonly packing?: (layer: number) => Packing;
  /** What the configuration says besides platform and layers. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  /** Changes what is written, by what it is. */
  readonly change?: (what: 'index' | 'manifest' | 'config', value: Record<string, unknown>) => unknown;
}

export function sha256(bytes: Buffer): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Writes an image with the tag `image` as an OCI layout. */
export function writeLayout(directory: string, layers: readonly Buffer[], options: LayoutOptions = {}): void {
  const { packing = () => 'gzip', config, architecture = 'amd64', change = (_, value) => value } = options;
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (bytes: Buffer, mediaType: string): { mediaType: string; digest: string; size: number } => {
    const digest = sha256(bytes);
    writeFileSync(join(blobs, digest.slice('sha256:'.length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const packed = layers.map((layer, at) => put(PACK[packing(at)](layer), TYPE[packing(at)]));
  const configuration = {
    architecture,
    os: 'linux',
    config: config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
    history: layers.map(() => ({ created_by: 'a test' })),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: put(json(change('config', configuration)), 'application/vnd.oci.image.config.v1+json'),
    layers: packed,
  };
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        ...put(json(change('manifest', manifest)), manifest.mediaType),
        annotations: { 'org.opencontainers.image.ref.name': 'image' },
      },
    ],
  };
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(directory, 'index.json'), JSON.stringify(change('index', index)));
}
