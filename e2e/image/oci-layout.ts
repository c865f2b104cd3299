import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const OCI = 'application/vnd.oci.image';

/** A descriptor as it stands in a layout. */
interface LayoutDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/**
 * Makes an OCI layout below `directory` with an index `1` of two platforms, whose layers have `bytes` of noise each, and answers it
 * as skopeo names it.
 */
export function makeLayout(directory: string, bytes: number): string {
  const layout = join(directory, 'layout');
  const blobs = join(layout, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const store = (mediaType: string, content: Buffer): LayoutDescriptor => {
    const hex = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(blobs, hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const manifests = ['arm64', 'amd64'].map((architecture) => {
    const tars = [0, 1].map((index) => {
      const tree = join(directory, `${architecture}-${index}`);
      mkdirSync(tree);
      writeFileSync(join(tree, `noise-${index}`), randomBytes(bytes));
      return execFileSync('tar', ['-C', tree, '-cf', '-', '.'], { maxBuffer: 2 * bytes + 1024 ** 2 });
    });
    const config = store(
      `${OCI}.config.v1+json`,
      Buffer.from(
        JSON.stringify({
          os: 'linux',
          architecture,
          config: { Cmd: ['/bin/sh'] },
          rootfs: {
            type: 'layers',
            diff_ids: tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`),
          },
        }),
      ),
    );
    const layers = tars.map((tar) => store(`${OCI}.layer.v1.tar+gzip`, gzipSync(tar, { level: 1 })));
    const manifest = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers };
    return {
      ...store(`${OCI}.manifest.v1+json`, Buffer.from(JSON.stringify(manifest))),
      platform: { os: 'linux', architecture },
    };
  });
  const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests };
  const named = {
    ...store(`${OCI}.index.v1+json`, Buffer.from(JSON.stringify(index))),
    annotations: { 'org.opencontainers.image.ref.name': '1' },
  };
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  return `oci:${layout}:1`;
}
