import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../byte-budget.ts';
import { archive, encoded, readAll, streamed } from './archive.suite.ts';
import { readTar } from './reader.ts';

const refused = { code: 'image_invalid' };
const zeros = Buffer.alloc(1024);

describe('what an archive may say', () => {
  it('reads names as bytes, whatever they are', async () => {
    const names = ['a\nb', 'quote"\'', 'back\\slash', '\xff\xfe not UTF-8', ' leading', '-dash', '*'];
    const read = await readAll(archive(names.map((name) => ({ name, content: name }))));
    expect(read.map(({ name }) => name.toString('latin1'))).toEqual(names);
    expect(read.map(({ bytes }) => bytes.toString('latin1'))).toEqual(names);
  });

  it('takes the prefix of POSIX, and the long names of PAX and GNU', async () => {
    const long = 'l'.repeat(300);
    const read = await readAll(
      Buffer.concat([
        encoded({ name: 'name', raw: { 345: 'a/prefix' } }),
        encoded({ name: long, link: `${long}/target`, type: '2' }),
        encoded({ name: '././@LongLink', type: 'L', content: `${long}/gnu\0`, magic: 'ustar  \0' }),
        encoded({ name: '././@LongLink', type: 'K', content: `${long}/link\0`, magic: 'ustar  \0' }),
        encoded({ name: 'cut', type: '1', link: 'cut', magic: 'ustar  \0' }),
        zeros,
      ]),
    );
    expect(read.map(({ name, linkName }) => [String(name), String(linkName)])).toEqual([
      ['a/prefix/name', ''],
      [long, `${long}/target`],
      [`${long}/gnu`, `${long}/link`],
    ]);
  });

  it('reads binary numbers, of GNU, and negative times', async () => {
    const [entry] = await readAll(
      archive([
        {
          name: 'a',
          raw: { 108: '\x80\0\0\0\x12\x34\x56\x78', 136: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe' },
        },
      ]),
    );
    expect(entry?.metadata).toMatchObject({ uid: 0x12345678, modified: { seconds: -2, nanoseconds: 0 } });
  });

  it('lets PAX records overrule the header, with nanoseconds', async () => {
    const [entry] = await readAll(
      archive([
        {
          name: 'a',
          content: 'four',
          size: 0,
          pax: { size: '4', uid: '4000000000', gid: '7', mtime: '-1.25', atime: '5.123456789999', path: 'b' },
        },
      ]),
    );
    expect(String(entry?.name)).toBe('b');
    expect(String(entry?.bytes)).toBe('four');
    expect(entry?.metadata).toMatchObject({
      uid: 4_000_000_000,
      gid: 7,
      modified: { seconds: -2, nanoseconds: 750_000_000 },
      accessed: { seconds: 5, nanoseconds: 123_456_789 },
    });
  });

  it('keeps the xattrs that Linux has, binary values too', async () => {
    const capability = Buffer.from('0000000200200000000000000000000000000000', 'hex');
    const [entry] = await readAll(
      archive([
        {
          name: 'a',
          pax: {
            'SCHILY.xattr.security.capability': capability,
            'LIBARCHIVE.xattr.security.capability': 'AAAA',
            'LIBARCHIVE.xattr.user.a%3db': Buffer.from('value').toString('base64'),
            'SCHILY.xattr.user.empty': '',
            'SCHILY.xattr.security.selinux': 'label',
            'SCHILY.xattr.com.apple.provenance': 'x',
          },
        },
      ]),
    );
    const found = entry?.metadata.xattrs?.map(({ name, value }) => [String(name), value]);
    expect(found).toEqual([
      ['security.capability', capability],
      ['user.a=b', Buffer.from('value')],
      ['user.empty', Buffer.alloc(0)],
    ]);
  });

  it('reads files with holes in all four formats of GNU', async () => {
    const whole = Buffer.concat([
      Buffer.alloc(1000),
      Buffer.from('data'),
      Buffer.alloc(996),
      Buffer.from('end'),
    ]);
    const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;
    const map = '2\n1000\n4\n2000\n3\n'.padEnd(512, '\0');
    const read = await readAll(
      archive([
        {
          name: 'gnu',
          type: 'S',
          magic: 'ustar  \0',
          content: 'dataend',
          raw: { 386: octal(1000) + octal(4) + octal(2000) + octal(3), 483: octal(2003) },
        },
        {
          name: 'map',
          content: 'dataend',
          pax: {
            'GNU.sparse.size': '2003',
            'GNU.sparse.numblocks': '2',
            'GNU.sparse.map': '1000,4,2000,3',
            'GNU.sparse.name': '0.1',
          },
        },
        {
          name: 'in front',
          content: `${map}dataend`,
          pax: {
            'GNU.sparse.major': '1',
            'GNU.sparse.minor': '0',
            'GNU.sparse.realsize': '2003',
            'GNU.sparse.name': '1.0',
          },
        },
      ]),
    );
    expect(read.map(({ name }) => String(name))).toEqual(['gnu', '0.1', '1.0']);
    for (const { bytes, size } of read) {
      expect(bytes).toEqual(whole);
      expect(size).toBe(2003);
    }
  });

  it('reads what the image needs of old archives: directories by their slash, and a prefix in the wrong place', async () => {
    const read = await readAll(
      archive([
        { name: 'dir/', type: '\0', magic: '\0\0\0\0\0\0\0\0' },
        { name: 'name', magic: 'ustar  \0', raw: { 345: 'some/prefix' } },
      ]),
    );
    expect(read.map(({ kind, name }) => [kind, String(name)])).toEqual([
      ['directory', 'dir/'],
      ['file', 'some/prefix/name'],
    ]);
  });

  it('passes over records for all entries, and what is behind the end', async () => {
    const bytes = Buffer.concat([
      encoded({ name: 'global', type: 'g', content: '18 path=elsewhere\n' }),
      encoded({ name: 'a' }),
      zeros,
      encoded({ name: 'hidden' }),
    ]);
    expect((await readAll(bytes)).map(({ name }) => String(name))).toEqual(['a']);
  });

  it('needs no blocks of zeros, and passes over content that nobody reads', async () => {
    const bytes = Buffer.concat([encoded({ name: 'a', content: 'x'.repeat(5000) }), encoded({ name: 'b' })]);
    const names: string[] = [];
    for await (const { name } of readTar(streamed(bytes), new ByteBudget())) names.push(String(name));
    expect(names).toEqual(['a', 'b']);
  });
});

describe('what is refused', () => {
  it.each<[string, Buffer]>([
    ['a wrong checksum', Buffer.from(archive([{ name: 'a' }]).fill('b', 0, 1))],
    ['no archive', Buffer.alloc(600, 'text')],
    ['a header that is cut off', archive([{ name: 'a' }]).subarray(0, 300)],
    ['content that is cut off', encoded({ name: 'a', content: 'abc' }).subarray(0, 514)],
    ['an end after a name', encoded({ name: 'x', type: 'L', content: 'name' })],
    ['an entry behind one block of zeros', Buffer.concat([Buffer.alloc(512), encoded({ name: 'a' }), zeros])],
    ['a negative size', archive([{ name: 'a', raw: { 124: '\xff'.repeat(12) } }])],
    ['a size that no number holds', archive([{ name: 'a', raw: { 124: `\x80${'\x7f'.repeat(11)}` } }])],
    ['a size that is no number', archive([{ name: 'a', raw: { 124: '99999999999' } }])],
    ['an owner that is nobody', archive([{ name: 'a', pax: { uid: '4294967295' } }])],
    ['a negative owner', archive([{ name: 'a', raw: { 108: '\xff'.repeat(8) } }])],
    [
      'a record that is longer than it says',
      Buffer.concat([encoded({ name: 'p', type: 'x', content: '5 path=abc\n' }), archive([{ name: 'a' }])]),
    ],
    [
      'a record without an end',
      Buffer.concat([encoded({ name: 'p', type: 'x', content: '99 path=abc\n' }), archive([{ name: 'a' }])]),
    ],
    ['a name with a NUL', archive([{ name: 'a', pax: { path: 'a\0b' } }])],
    ['a time that is none', archive([{ name: 'a', pax: { mtime: '1e9' } }])],
    ['an empty name', archive([{ name: '' }])],
    ['a type that is not known', archive([{ name: 'a', type: 'M' }])],
    ['a huge extended header', archive([{ name: 'a', type: 'x', size: 2 ** 31 }])],
    [
      'an xattr that Linux cannot have',
      archive([{ name: 'a', pax: { 'SCHILY.xattr.user.a': 'x'.repeat(65_537) } }]),
    ],
    [
      'a map of holes that goes back',
      archive([{ name: 'a', content: 'ab', pax: { 'GNU.sparse.size': '9', 'GNU.sparse.map': '5,1,3,1' } }]),
    ],
    [
      'a map of holes with more than there is',
      archive([{ name: 'a', content: 'ab', pax: { 'GNU.sparse.size': '9', 'GNU.sparse.map': '5,3' } }]),
    ],
    [
      'a map of holes behind the end',
      archive([{ name: 'a', content: 'ab', pax: { 'GNU.sparse.size': '6', 'GNU.sparse.map': '5,2' } }]),
    ],
    [
      'an odd map of holes',
      archive([{ name: 'a', content: 'ab', pax: { 'GNU.sparse.size': '9', 'GNU.sparse.map': '5,2,9' } }]),
    ],
    [
      'holes of another version',
      archive([{ name: 'a', pax: { 'GNU.sparse.major': '2', 'GNU.sparse.realsize': '9' } }]),
    ],
  ])('refuses %s', async (_, bytes) => {
    await expect(readAll(bytes)).rejects.toMatchObject(refused);
  });

  it('counts holes, which cost nothing to write down', async () => {
    const bytes = archive([
      { name: 'a', pax: { 'GNU.sparse.size': String(2 ** 50), 'GNU.sparse.map': '0,0' } },
    ]);
    await expect(readAll(bytes, { budget: new ByteBudget(2 ** 22) })).rejects.toMatchObject(refused);
  });
});
