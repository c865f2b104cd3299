import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { problems } from '@banger/daemon/drivers/image/ext4/image.suite';
import { writeLayout } from '@banger/daemon/drivers/image/oci/layout.suite';
import { randomLayers } from '@banger/daemon/drivers/image/oci/random-layers.suite';
import { archive } from '@banger/daemon/drivers/image/oci/tar/archive.suite';
import { skopeo } from '@banger/daemon/drivers/image/oci/tools.suite';
import { inDirectory, inImage } from '@banger/daemon/drivers/image/oci/trees.suite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultHome } from '../faults/fault-home.ts';
import { DebianRegistry } from './debian-registry.ts';
import { Buildah, changeTree, remakeByUmoci, SAID, TO_CHANGE } from './makers.ts';
import { compile } from './odd-layers.ts';

/*
 * Images as other tools make and push them, in a real registry: what banger makes of each is what umoci unpacks. One of them is booted: what its kernel
 * sees on the disk is what the kernel of this host sees in umoci's tree.
 */

const TIB = 1024 ** 4;
/** What a boot makes in the root of a disk that has none of it. */
const OF_THE_BOOT = new Set(['dev', 'etc', 'lost%2bfound', 'proc', 'root', 'run', 'sys', 'tmp']);

let directory: string;
let registry: DebianRegistry;
let home: FaultHome;
let walker: string;

const copy = (argv: readonly string[]): string => skopeo(directory, ['copy', ...argv]);

/** What umoci unpacks of an image of the registry, once for each. */
const unpacked = new Map<string, string>();
function unpack(tag: string): string {
  const known = unpacked.get(tag);
  if (known !== undefined) return known;
  const layout = join(directory, `${tag}-layout`);
  const tree = join(directory, `${tag}-tree`);
  if (!existsSync(layout))
    copy(['--src-tls-verify=false', `docker://${registry.host}/made/by:${tag}`, `oci:${layout}:image`]);
  execFileSync('umoci', ['raw', 'unpack', '--image', `${layout}:image`, tree]);
  unpacked.set(tag, tree);
  return tree;
}

const mediaTypes = (tag: string): string =>
  skopeo(directory, ['inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/made/by:${tag}`]);

/** Only root can give files to others, which is what umoci is to do. */
describe.runIf(process.getuid?.() === 0)('an image', () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'banger-makers-'));
    registry = await DebianRegistry.start({ directory });
    walker = compile(directory, 'tree-walker', ['-static']);
    const program = { name: 'walker', content: readFileSync(walker), mode: 0o755 };

    const buildah = new Buildah(directory);
    const filled = (seed: number) => (tree: string) => {
      for (const tar of [archive(TO_CHANGE), ...randomLayers(seed, 1, 120)])
        execFileSync('tar', ['-C', tree, '--xattrs', '--xattrs-include=*', '-xpf', '-'], { input: tar });
    };
    const place = (tag: string): string => `${registry.host}/made/by:${tag}`;
    buildah.make('made', walker, filled(11), changeTree);
    buildah.push('made', `docker://${place('buildah-oci')}`, ['--format', 'oci']);
    buildah.push('made', `docker://${place('buildah-schema2')}`, ['--format', 'v2s2']);
    // Another one: it knows that the registry has the layers of the first, packed by gzip, and would take these.
    buildah.make('other', walker, filled(12), changeTree);
    const zstd = ['--format', 'oci', '--compression-format', 'zstd'];
    buildah.push('other', `docker://${place('buildah-zstd')}`, zstd);
    // Umoci unpacks no zstd.
    buildah.push('other', `oci:${directory}/buildah-zstd-layout:image`, ['--format', 'oci']);
    buildah.pushIndex('made', place('buildah-index'));

    const layout = join(directory, 'layout');
    writeLayout(layout, [archive([program, ...TO_CHANGE]), ...randomLayers(12, 5, 60)]);
    remakeByUmoci(layout, join(directory, 'bundle'), changeTree);
    const push = (tag: string, from: string, options: readonly string[] = []): void =>
      void copy([...options, '--dest-tls-verify=false', from, `docker://${place(tag)}`]);
    push('umoci', `oci:${layout}:image`);
    push('umoci-schema2', `oci:${layout}:image`, ['--format', 'v2s2']);
    const packed = `dir:${join(directory, 'packed')}`;
    copy(['--dest-compress', '--dest-compress-format', 'zstd', `oci:${layout}:image`, packed]);
    push('umoci-zstd', packed);

    home = FaultHome.stocked([]);
    mkdirSync(home.at('config'), { mode: 0o700 });
    const configuration = `[registries."${registry.host}"]\nplain_http = true\n`;
    writeFileSync(home.at('config/config.toml'), configuration, { mode: 0o600 });
  }, 180_000);
  afterAll(async () => {
    await home?.remove();
    await registry?.end();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  test.each([
    ['buildah-oci', 'oci.image.layer.v1.tar+gzip', 'buildah-oci'],
    ['buildah-schema2', 'docker.image.rootfs.diff.tar.gzip', 'buildah-oci'],
    ['buildah-zstd', 'oci.image.layer.v1.tar+zstd', 'buildah-zstd'],
    ['buildah-index', '"manifests"', 'buildah-oci'],
    ['umoci', 'oci.image.layer.v1.tar+gzip', 'umoci'],
    ['umoci-schema2', 'docker.image.rootfs.diff.tar.gzip', 'umoci'],
    ['umoci-zstd', 'oci.image.layer.v1.tar+zstd', 'umoci'],
  ])('as pushed by %s (%s) is what umoci unpacks', async (tag, type, reference) => {
    expect(mediaTypes(tag)).toContain(type);
    const { status, stderr } = await home.run([
      ...['image', 'pull', '--name', tag, `${registry.host}/made/by:${tag}`],
    ]);
    expect(status, stderr).toBe(0);
    const disk = home.at('state/images', tag, 'root.ext4');
    expect(problems(disk)).toBe('');
    const [found, expected] = [inImage(disk), await inDirectory(unpack(reference))];
    // Whether a layer has the root is the maker's business, and what becomes of it without one the reader's.
    for (const tree of [found, expected]) tree.delete('');
    expect(found.size).toBeGreaterThan(40);
    expect(found).toEqual(expected);
    expect(await home.image(tag)).toMatchObject({
      config: {
        env: [expect.stringMatching('PATH='), SAID.env].slice(-1),
        cwd: SAID.cwd,
        cmd: [SAID.command],
      },
    });
  });

  test('leaves what its makers remember of it in the directory of the test', () => {
    expect(readdirSync(join(directory, 'tools/containers/cache'))).not.toEqual([]);
  });

  test('the kernel of a guest sees on its disk, grown to 1 TiB while mounted, what the kernel of the host sees in the tree of umoci', async () => {
    const { status, stdout, stderr } = await home.run([
      ...['vm', 'run', '--rm', '--image', 'umoci', '--root-size', '1T', '--', '/walker', '/'],
    ]);
    expect(status, stderr).toBe(0);
    const size = Number(/^(\d+) bytes$/m.exec(stderr)?.[1]);
    expect(size).toBeGreaterThan(TIB * 0.95);
    const looked = spawnSync(walker, [unpack('umoci')], { encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
    const expected = seenByKernel(looked.stdout);
    expect(expected.size).toBeGreaterThan(40);
    const seen = seenByKernel(stdout);
    // The image's working directory, which is not in its layers and was made for the command.
    seen.delete(SAID.cwd.slice(1));
    expect(seen).toEqual(expected);
  });
});

/** What the walker says of a tree, by path: without the inodes, but with the first name of each. */
function seenByKernel(text: string): Map<string, string> {
  const lines = text
    .split('\n')
    .filter((line) => line !== '' && !OF_THE_BOOT.has(line.split(/[ /]/)[0] ?? ''))
    .toSorted();
  const first = new Map<string, string>();
  return new Map(
    lines.map((line) => {
      const [path = '', inode = '', ...words] = line.split(' ');
      if (!first.has(inode)) first.set(inode, path);
      return [path, `${first.get(inode)} ${words.toSorted().join(' ')}`];
    }),
  );
}
