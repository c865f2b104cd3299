import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PLAIN, bytes, debugfs, problems, readImage, tool, withImage } from './image.suite.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('an ext4 file system', () => {
  it('holds what was put in, whatever comes first', async () => {
    const made = {
      ...PLAIN,
      mode: 0o4755,
      uid: 70_000,
      gid: 99_999,
      modified: { seconds: -5, nanoseconds: 123_456_789 },
    };
    await withImage(
      async (writer) => {
        await writer.file(bytes('a/b/file'), made, 10_000, [Buffer.alloc(10_000, 'x')]);
        await writer.directory(bytes('a'), { ...made, mode: 0o1777 });
        await writer.file(bytes('empty'), PLAIN, 0, []);
        await writer.symlink(bytes('fast'), PLAIN, bytes('a/b/file'));
        await writer.symlink(bytes('slow'), PLAIN, bytes('x'.repeat(60)));
        await writer.hardLink(bytes('a/other'), bytes('a/b/file'));
        await writer.device(bytes('null'), PLAIN, { kind: 'character', major: 1, minor: 3 });
        await writer.device(bytes('large'), PLAIN, { kind: 'block', major: 4095, minor: 1_048_575 });
        await writer.fifo(bytes('fifo'), PLAIN);
        await writer.socket(bytes('socket'), PLAIN);
        await writer.directory(bytes(''), { ...PLAIN, mode: 0o700 });
        await writer.directory(bytes('lost+found'), { ...PLAIN, mode: 0o711 });
      },
      (file) => {
        expect(problems(file)).toBe('');
        const found = readImage(file);
        const { inode } = found.get('a/b/file')!;
        expect(found.get('a/b/file')).toMatchObject({
          type: 'regular',
          mode: 0o4755,
          uid: 70_000,
          gid: 99_999,
          links: 2,
          modified: { seconds: -5, nanoseconds: 123_456_789 },
          content: Buffer.alloc(10_000, 'x'),
        });
        expect(found.get('a/other')).toMatchObject({ inode });
        expect(found.get('')).toMatchObject({ type: 'directory', mode: 0o700, links: 4 });
        expect(found.get('a')).toMatchObject({ type: 'directory', mode: 0o1777, uid: 70_000, links: 3 });
        expect(found.get('a/b')).toMatchObject({ type: 'directory', mode: 0o755, uid: 0, links: 2 });
        expect(found.get('empty')).toMatchObject({ type: 'regular', size: 0 });
        expect(found.get('fast')).toMatchObject({ type: 'symlink', content: bytes('a/b/file') });
        expect(found.get('slow')).toMatchObject({ type: 'symlink', content: bytes('x'.repeat(60)) });
        expect(found.get('null')).toMatchObject({ type: 'character', device: [1, 3] });
        expect(found.get('large')).toMatchObject({ type: 'block', device: [4095, 1_048_575] });
        expect(found.get('fifo')).toMatchObject({ type: 'FIFO' });
        expect(found.get('socket')).toMatchObject({ type: 'socket' });
      },
    );
  });

  it('leaves out blocks of zeros, in the file and in the image', async () => {
    const content = Buffer.alloc(20 * MIB);
    content.write('start');
    content.write('end', content.length - 3);
    await withImage(
      async (writer) => {
        await writer.file(bytes('sparse'), PLAIN, content.length, [
          content.subarray(0, 5000),
          content.subarray(5000),
        ]);
        await writer.file(bytes('zeros'), PLAIN, 10_000, [Buffer.alloc(10_000)]);
      },
      (file) => {
        expect(problems(file)).toBe('');
        const found = readImage(file);
        expect(found.get('sparse')!.content.equals(content)).toBe(true);
        expect(found.get('zeros')!.content.equals(Buffer.alloc(10_000))).toBe(true);
        expect(statSync(file)).toMatchObject({ size: 64 * MIB });
        expect(statSync(file).blocks * 512).toBeLessThan(MIB);
      },
    );
  });

  it('is what mke2fs makes of the same size, but for what differs from one to the next', async () => {
    const facts = (file: string): string[] =>
      tool(['dumpe2fs', '-h', file])
        .output.split('\n')
        .filter(
          (line) =>
            !/UUID|created|write time|checked|writes|Seed|^Checksum:|Journal start|Free blocks|Overhead|Reserved GDT|dumpe2fs/.test(
              line,
            ),
        );
    await withImage(
      async () => undefined,
      (file) => {
        const other = `${file}.other`;
        const features = 'resize=16777216,lazy_itable_init=0,lazy_journal_init=1';
        expect(
          tool([
            'mke2fs',
            '-q',
            '-F',
            '-t',
            'ext4',
            '-b',
            '4096',
            '-m',
            '0',
            '-L',
            'label',
            '-I',
            '256',
            '-i',
            '16384',
            '-E',
            features,
            other,
            '1G',
          ]),
        ).toMatchObject({ status: 0 });
        expect(facts(file)).toEqual(facts(other));
        expect(problems(file)).toBe('');
      },
      { sizeBytes: GIB, label: bytes('label') },
    );
  });

  it('keeps xattrs in the inode, in a block or in inodes of their own', async () => {
    const xattrs = [
      { name: bytes('user.small'), value: bytes('v') },
      { name: bytes('trusted.empty'), value: bytes('') },
      { name: bytes('security.middle'), value: Buffer.alloc(2000, 3) },
      { name: bytes('user.large'), value: Buffer.alloc(4090, 4) },
      { name: bytes('user.largest'), value: Buffer.concat([Buffer.alloc(32_768), Buffer.alloc(32_768, 5)]) },
    ];
    const acl = Buffer.from(
      '0200000001000600ffffffff02000700e803000004000400ffffffff10000700ffffffff20000400ffffffff',
      'hex',
    );
    await withImage(
      async (writer) => {
        await writer.file(bytes('one'), { ...PLAIN, xattrs: xattrs.slice(0, 1) }, 0, []);
        await writer.file(bytes('all'), { ...PLAIN, xattrs }, 1, [bytes('x')]);
        await writer.symlink(
          bytes('link'),
          { ...PLAIN, xattrs: [{ name: bytes('security.\xff'), value: Buffer.alloc(200) }] },
          bytes('x'),
        );
        await writer.directory(bytes('acl'), {
          ...PLAIN,
          mode: 0o775,
          xattrs: [
            { name: bytes('system.posix_acl_access'), value: acl },
            { name: bytes('system.posix_acl_default'), value: acl },
          ],
        });
      },
      (file) => {
        expect(problems(file)).toBe('');
        const found = readImage(file);
        expect(found.get('one')!.xattrs).toEqual({ 'user.small': 'v' });
        const all = xattrs.map(({ name, value }) => [name.toString(), value.toString('latin1')]);
        expect(found.get('all')!.xattrs).toEqual(Object.fromEntries(all));
        const [text = ''] = debugfs(file, ['stat acl']);
        expect(text).toContain('system.posix_acl_access (28)');
        expect(text).toContain('system.posix_acl_default (28)');
      },
    );
  });
});
