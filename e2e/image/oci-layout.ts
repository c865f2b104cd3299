import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  intoLayout,
  putImage,
  putIndex,
  putLayer,
  tagLayout,
} from '@banger/daemon/drivers/image/oci/layout.suite';
import { archive } from '@banger/daemon/drivers/image/oci/tar/archive.suite';

/** Of the layers for a platform that nobody here has. */
const FOREIGN_BYTES = 1000;

/**
 * Makes an OCI layout below `directory` with an index `1` of two platforms, of which the layers for ours have `bytes` of noise each, and
 * answers it as skopeo names it.
 */
export function makeLayout(directory: string, bytes: number): string {
  const layout = join(directory, 'layout');
  const put = intoLayout(layout);
  const image = (architecture: string, size: number) => {
    const layers = [0, 1].map((at) =>
      putLayer(put, archive([{ name: `noise-${at}`, content: randomBytes(size) }])),
    );
    return putImage(put, layers, { architecture, config: { Cmd: ['/bin/sh'] } });
  };
  tagLayout(layout, {
    1: putIndex(put, { arm64: image('arm64', FOREIGN_BYTES), amd64: image('amd64', bytes) }),
  });
  return `oci:${layout}:1`;
}
