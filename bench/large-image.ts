import { createHash, createHmac } from 'node:crypto';
import {
  intoLayout,
  putImage,
  putLayer,
  tagLayout,
  type PutLayer,
} from '../packages/daemon/src/drivers/image/oci/layout.suite.ts';
import { archive, type Written } from '../packages/daemon/src/drivers/image/oci/tar/archive.suite.ts';

const LAYERS = 8;
const FILES = 50_000;
const BYTES = 1_000_000_000;
const DIRECTORIES = 500;
/** Of each file, how much cannot be packed: as in programs, whose layers gzip makes about half as large. */
const NOISE = 0.4;

/** An image in a layout, with another that shares all of its layers but the newest. */
export interface LargeImage {
  /** As skopeo names them. */
  readonly first: string;
  readonly second: string;
}

/**
 * Writes an image of about 1 GB with 50,000 files in 8 layers, the same each time, and its sister. `scale` makes both smaller, for a trial: a
 * tenth has a tenth of the files.
 */
export function writeLargeImage(directory: string, scale: number): LargeImage {
  const put = intoLayout(directory);
  const all = Array.from({ length: LAYERS + 1 }, (_, seed) =>
    putLayer(put, archive(entriesOf(seed, Math.ceil((FILES * scale) / LAYERS)))),
  );
  const [shared, [own, other]] = [all.slice(0, LAYERS - 1), all.slice(LAYERS - 1)];
  const image = (newest: PutLayer | undefined) =>
    putImage(put, newest === undefined ? shared : [...shared, newest], { config: { Cmd: ['/bin/sh'] } });
  tagLayout(directory, { first: image(own), second: image(other) });
  return { first: `oci:${directory}:first`, second: `oci:${directory}:second` };
}

function entriesOf(seed: number, count: number): readonly Written[] {
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
