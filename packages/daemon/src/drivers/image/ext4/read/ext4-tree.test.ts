import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
  linkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT_INODE } from '../geometry.ts';
import { factsOf } from '../../oci/image-facts.ts';
import { NOW, PLAIN, bytes, tool, withImage } from '../image.suite.ts';
import { Ext4Tree } from './ext4-tree.ts';
import { listing } from './listing.suite.ts';

const MIB = 1024 ** 2;
const KIB = 1024;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banger-ext4-read-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const acl = Buffer.from(
  '0200000001000600ffffffff02000600e803000004000400ffffffff10000600ffffffff20000400ffffffff',
  'hex',
);

test('what our writer wrote is read as it was given', async () => {
  await withImage(
    async (writer) => {
      await writer.directory(bytes('etc'), { ...PLAIN, mode: 0o755, uid: 70_000, gid: 4_000_000_000 });
      const xattrs = [
        { name: bytes('user.short'), value: bytes('x') },
        { name: bytes('system.posix_acl_access'), value: acl },
        { name: bytes('security.capability'), value: Buffer.alloc(20, 7) },
        { name: bytes('user.large'), value: Buffer.alloc(60_000, 'v') },
      ];
      await writer.file(bytes('etc/f'), { ...PLAIN, mode: 0o4755, xattrs }, 5, [bytes('hello')]);
      await writer.hardLink(bytes('etc/g'), bytes('etc/f'));
      const holes = [bytes('a'.repeat(5000)), Buffer.alloc(3 * MIB), bytes('b')];
      await writer.file(bytes('etc/holes'), PLAIN, 5001 + 3 * MIB, holes);
      await writer.symlink(bytes('short'), PLAIN, bytes('etc/f'));
      await writer.symlink(bytes('long'), PLAIN, bytes('l'.repeat(3000)));
      await writer.device(bytes('null'), PLAIN, { kind: 'character', major: 1, minor: 3 });
      await writer.device(bytes('wide'), PLAIN, { kind: 'block', major: 0xabc, minor: 0xfedcb });
      await writer.fifo(bytes('fifo'), { ...PLAIN, modified: { seconds: -5, nanoseconds: 250 } });
      await writer.socket(bytes('socket'), PLAIN);
      for (let at = 0; at < 500; at += 1) await writer.file(bytes(`many/${at}-\xff\n`), PLAIN, 0, []);
    },
    async (file) => {
      const found = await listing(file);
      expect(Object.keys(found)).toHaveLength(512);
      expect(found).toMatchObject({
        '/etc': { kind: 'directory', mode: 0o755, uid: 70_000, gid: 4_000_000_000, modified: NOW },
        '/etc/f': {
          kind: 'file',
          mode: 0o4755,
          size: 5,
          links: 2,
          xattrs: {
            'user.short': 'x',
            'system.posix_acl_access': acl.toString('latin1'),
            'security.capability': '\x07'.repeat(20),
            'user.large': 'v'.repeat(60_000),
          },
        },
        '/etc/g': { same: '/etc/f' },
        '/etc/holes': { size: 5001 + 3 * MIB, bytes: 5001 + 3 * MIB },
        '/short': { kind: 'symlink', target: 'etc/f' },
        '/long': { target: 'l'.repeat(3000) },
        '/null': { kind: 'character', major: 1, minor: 3 },
        '/wide': { kind: 'block', major: 0xabc, minor: 0xfedcb },
        '/fifo': { kind: 'fifo', modified: { seconds: -5, nanoseconds: 250 } },
        '/socket': { kind: 'socket' },
        '/many/499-\xff\n': { size: 0 },
      });
      await using tree = await Ext4Tree.open(file);
      const { inode = 0 } = (await tree.resolve('/etc/holes')) ?? {};
      const stretches = await tree.stretches(inode);
      expect(stretches.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(32 * KIB);
    },
  );
});

describe.each([
  ['blocks of 1 KiB', ['-b', '1024', '-O', '^64bit']],
  ['blocks of 4 KiB', ['-b', '4096']],
  ['inodes of 128 bytes and no checksums', ['-b', '1024', '-I', '128', '-O', '^metadata_csum']],
])('one of mke2fs with %s', (_what, options) => {
  test('is read, and the facts of an image are found in it', async () => {
    const tree = join(directory, 'tree');
    mkdirSync(join(tree, 'usr/bin'), { recursive: true });
    mkdirSync(join(tree, 'etc'));
    symlinkSync('usr/bin', join(tree, 'bin'));
    writeFileSync(join(tree, 'usr/bin/sh'), 'x'.repeat(300 * KIB), { mode: 0o755 });
    linkSync(join(tree, 'usr/bin/sh'), join(tree, 'usr/bin/dash'));
    writeFileSync(join(tree, 'etc/os-release'), 'ID=small\n');
    for (let at = 0; at < 200; at += 1) writeFileSync(join(tree, `etc/${'n'.repeat(60)}${at}`), '');
    const file = join(directory, 'image');
    expect(tool(['mke2fs', '-q', '-t', 'ext4', ...options, '-d', tree, file, '32M'])).toMatchObject({
      status: 0,
    });
    const found = await listing(file);
    expect(Object.keys(found)).toHaveLength(208);
    expect(found).toMatchObject({
      '/usr/bin/dash': { size: 300 * KIB, bytes: 300 * KIB, links: 2 },
      '/usr/bin/sh': { same: '/usr/bin/dash' },
      '/bin': { kind: 'symlink', target: 'usr/bin' },
    });
    await using open = await Ext4Tree.open(file);
    expect(await factsOf(open)).toMatchObject({ osRelease: { id: 'small' }, shell: true, init: undefined });
  });
});

describe('refused is', () => {
  const make = (...options: string[]): string => {
    const file = join(directory, 'image');
    tool(['mke2fs', '-q', '-t', 'ext4', ...options, file, '8M']);
    return file;
  };
  const write = (file: string, at: number, value: Buffer): void => {
    const fd = openSync(file, 'r+');
    writeSync(fd, value, 0, value.length, at);
    closeSync(fd);
  };
  const openIt = async (file: string): Promise<void> => {
    await using tree = await Ext4Tree.open(file);
    await tree.size(2);
  };

  test('what is no file system, or an empty file', async () => {
    const file = join(directory, 'image');
    for (const content of ['', 'x'.repeat(4096)]) {
      writeFileSync(file, content);
      await expect(openIt(file)).rejects.toMatchObject({ code: 'image_invalid' });
    }
    await expect(openIt(directory)).rejects.toMatchObject({ code: 'image_invalid' });
  });

  test('one that is cut short', async () => {
    const file = make();
    truncateSync(file, 4 * MIB);
    await expect(openIt(file)).rejects.toThrow(/8388608 bytes, and its file 4194304/);
  });

  test('one that was not unmounted', async () => {
    const file = make();
    const features = readFileSync(file).readUInt32LE(1024 + 0x60);
    const changed = Buffer.alloc(4);
    changed.writeUInt32LE(features | 4);
    write(file, 1024 + 0x60, changed);
    await expect(openIt(file)).rejects.toThrow(/not unmounted cleanly/);
  });

  test.each([
    ['inline_data', ['-O', 'inline_data']],
    ['casefold', ['-O', 'casefold']],
  ])('one with %s', async (name, options) => {
    await expect(openIt(make(...options))).rejects.toMatchObject({
      code: 'image_unsupported',
      message: expect.stringContaining(name) as string,
    });
  });
});

/** Looks at all that there is; at what a file holds only where that is little, as a lie about a size is no damage of another kind. */
async function walk(file: string): Promise<void> {
  await using tree = await Ext4Tree.open(file);
  for await (const { inode } of tree.names(ROOT_INODE)) {
    await tree.metadata(inode);
    const kind = await tree.kind(inode);
    if (kind === 'symlink') await tree.linkTarget(inode);
    if (kind !== 'file') continue;
    await tree.stretches(inode);
    if ((await tree.size(inode)) < MIB) for await (const _ of tree.content(inode));
  }
}

test('damage anywhere ends in an answer or a refusal, soon', async () => {
  await withImage(
    async (writer) => {
      await writer.directory(bytes('d'), {
        ...PLAIN,
        mode: 0o755,
        xattrs: [{ name: bytes('user.a'), value: Buffer.alloc(300, 'v') }],
      });
      for (let at = 0; at < 20; at += 1)
        await writer.file(bytes(`d/${at}`), PLAIN, 5000, [Buffer.alloc(5000, 'x')]);
      await writer.symlink(bytes('l'), PLAIN, bytes('d/1'));
    },
    async (file) => {
      const whole = readFileSync(file);
      // Where something lies at all; a fixed seed, so that what fails fails again.
      const places = [...whole.subarray(0, MIB).keys()].filter((at) => whole[at] !== 0);
      const damagedFile = join(directory, 'damaged');
      copyFileSync(file, damagedFile);
      let seed = 7;
      const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
      const outcomes = new Set<string>();
      for (let round = 0; round < 150; round += 1) {
        const at = places[random(places.length)] ?? 0;
        write(damagedFile, at, Buffer.from([random(256)]));
        outcomes.add(
          await walk(damagedFile).then(
            () => 'read',
            (error: { code?: string }) => String(error.code),
          ),
        );
        write(damagedFile, at, whole.subarray(at, at + 1));
      }
      expect(
        [...outcomes].filter((each) => !['read', 'image_invalid', 'image_unsupported'].includes(each)),
      ).toEqual([]);
    },
    { sizeBytes: 12 * MIB, journalBytes: 4 * MIB },
  );

  function write(file: string, at: number, value: Buffer): void {
    const fd = openSync(file, 'r+');
    writeSync(fd, value, 0, value.length, at);
    closeSync(fd);
  }
});
