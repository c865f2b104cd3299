import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { archive, type Written } from '../packages/daemon/src/drivers/image/oci/tar/archive.suite.ts';

const OCI = 'application/vnd.oci.image';
const LAYERS = 8;
const FILES = 50_000;
const BYTES = 1_000_000_000;
const DIRECTORIES = 500;
/** Of each file, how much cannot be packed: as in programs, whose layers gzip makes about half as large. */
const NOISE = 0.4;
/** As registries' builders have it. */
const GZIP_LEVEL = 6;

/** An image in a layout, with another that shares all of its layers but the newest. */
export interface LargeImage {
  /** As skopeo names them. */
  readonly first: string;
  readonly second: string;
}

/** Writes an image of about 1 GB with 50,000 files in 8 layers, the same each time, and its sister. */
export function writeLargeImage(directory: string): LargeImage {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const layer = (seed: number) => {
    const tar = archive(entriesOf(seed));
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    return { diffId, descriptor: put(`${OCI}.layer.v1.tar+gzip`, gzipSync(tar, { level: GZIP_LEVEL })) };
  };
  const all = Array.from({ length: LAYERS + 1 }, (_, seed) => layer(seed));
  const image = (name: string, layers: typeof all) => {
    const config = {
      ...{ os: 'linux', architecture: 'amd64', config: { Cmd: ['/bin/sh'] } },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    };
    const manifest = {
      ...{ schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json` },
      config: put(`${OCI}.config.v1+json`, Buffer.from(JSON.stringify(config))),
      layers: layers.map(({ descriptor }) => descriptor),
    };
    return {
      ...put(manifest.mediaType, Buffer.from(JSON.stringify(manifest))),
      annotations: { 'org.opencontainers.image.ref.name': name },
    };
  };
  const manifests = [
    image('first', all.slice(0, -1)),
    image('second', [...all.slice(0, LAYERS - 1), ...all.slice(-1)]),
  ];
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return { first: `oci:${directory}:first`, second: `oci:${directory}:second` };
}

function entriesOf(seed: number): readonly Written[] {
  const count = Math.ceil(FILES / LAYERS);
  const bytes = Math.floor(BYTES / FILES);
  return Array.from({ length: count }, (_, index) => ({
    name: `usr/share/d${index % DIRECTORIES}/layer-${seed}-file-${index}`,
    content: contentOf(`${seed} ${index}`, bytes),
  }));
}

/** Noise, then text; some files are ten times as large, and most smaller for it. */
function contentOf(seed: string, average: number): Buffer {
  const digest = createHmac('sha256', 'bench').update(seed).digest();
  const share = digest.readUInt8(0) < 16 ? 8 : 0.53;
  const content = Buffer.alloc(Math.floor(average * share), 'what compresses well, as text does. ');
  const noise = Math.floor(content.length * NOISE);
  for (let at = 0, block = digest; at < noise; at += block.length) {
    block.copy(content, at);
    block = createHash('sha256').update(block).digest();
  }
  return content;
}
