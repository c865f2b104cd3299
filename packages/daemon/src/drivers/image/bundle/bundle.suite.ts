import { constants, zstdCompressSync } from 'node:zlib';
import { archive, type Written } from '../oci/tar/archive.suite.ts';

/** What a bundle says unless a test has it say something else. */
export const bundleManifest = {
  bundle: 1,
  name: 'app',
  distribution: 'small',
  arch: 'x86_64',
  description: 'an image',
  kernel: 'debian-cloud',
  init: 'agent',
  rootBytes: 1024 ** 3,
  config: { env: ['A=1'], cwd: '/srv', user: '', entrypoint: [], cmd: ['/bin/sh'], exposedPorts: [] },
  content: { entries: 2, bytes: 5 },
  createdAt: '2026-01-31T12:00:00.000Z',
};

/** A root file system of two entries. */
export const bundleRoot: readonly Written[] = [
  { name: 'rootfs/', type: '5', mode: 0o755 },
  { name: 'rootfs/f', content: 'hello' },
];

/** A bundle as nobody would make it, or as `image export` does. */
export function bundleFile(
  entries: readonly Written[] = bundleRoot,
  manifest: object = bundleManifest,
): Buffer {
  return zstdCompressSync(
    archive([{ name: 'manifest.json', content: JSON.stringify(manifest) }, ...entries]),
    {
      params: { [constants.ZSTD_c_checksumFlag]: 1 },
    },
  );
}
