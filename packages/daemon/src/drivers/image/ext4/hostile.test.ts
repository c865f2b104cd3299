import { expect, it } from 'vitest';
import { PLAIN, bytes, problems, withImage } from './image.suite.ts';
import type { Ext4Writer } from './writer.ts';

const MIB = 1024 ** 2;

/** What a writer says to one call, which comes after a file `file` and a directory `directory`. */
async function refusal(call: (writer: Ext4Writer) => Promise<void>): Promise<unknown> {
  let said: unknown;
  const filled = withImage(
    async (writer) => {
      await writer.file(bytes('file'), PLAIN, 1, [bytes('x')]);
      await writer.directory(bytes('directory'), PLAIN);
      try {
        await call(writer);
      } catch (error) {
        said = error;
        throw error;
      }
    },
    () => undefined,
  );
  await filled.catch(() => undefined);
  return said;
}

it.each([
  ['a leading slash', '/a', 'empty name'],
  ['a slash at the end', 'a/', 'empty name'],
  ['a doubled slash', 'a//b', 'empty name'],
  ['a NUL', 'a\0b', 'NUL'],
  ['.', 'a/./b', '. or ..'],
  ['..', '../a', '. or ..'],
  ['.. at the end', 'a/..', '. or ..'],
  ['a name of 256 bytes', 'x'.repeat(256), '256 bytes; the most is 255'],
  ['a path of 4,096 bytes', 'x/'.repeat(2047) + 'xx', 'longer than 4095 bytes'],
  ['a file as a directory', 'file/x', 'below /file, which is no directory'],
  ['what is there', 'file', 'is there already'],
  ['a directory that is there', 'directory', 'is there already'],
  ['the root', '', 'is there already'],
])('a path with %s is refused', async (_what, path, message) => {
  const error = await refusal(async (writer) => writer.file(bytes(path), PLAIN, 0, []));
  expect(error).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(message) as string,
  });
});

it('what is refused is shown without its control characters, and cut', async () => {
  const path = `\x1b[31m\\${'x'.repeat(300)}/..`;
  const error = await refusal(async (writer) => writer.fifo(bytes(path), PLAIN));
  expect((error as Error).message).toMatch(
    /^The path \/\\x1b\[31m\\x5cx{90,}…x+\/\.\. has a name of 306 bytes/,
  );
});

it.each<[string, (writer: Ext4Writer) => Promise<void>, string]>([
  ['more than was said', (to) => to.file(bytes('a'), PLAIN, 1, [bytes('xy')]), 'more than its 1 bytes'],
  ['less than was said', (to) => to.file(bytes('a'), PLAIN, 3, [bytes('xy')]), 'less than its 3 bytes'],
  ['a size of 16 TiB', (to) => to.file(bytes('a'), PLAIN, 2 ** 44, []), 'the most is'],
  ['a negative size', (to) => to.file(bytes('a'), PLAIN, -1, []), 'the most is'],
  ['an empty link', (to) => to.symlink(bytes('a'), PLAIN, bytes('')), 'link to nothing'],
  ['a link of 4,096 bytes', (to) => to.symlink(bytes('a'), PLAIN, Buffer.alloc(4096, 'x')), '4095 bytes'],
  ['a link with a NUL', (to) => to.symlink(bytes('a'), PLAIN, bytes('a\0')), 'NUL'],
  ['a hard link to nothing', (to) => to.hardLink(bytes('a'), bytes('b/c')), 'which is not there'],
  ['a hard link below a file', (to) => to.hardLink(bytes('a'), bytes('file/c')), 'which is not there'],
  ['a hard link to a directory', (to) => to.hardLink(bytes('a'), bytes('directory')), 'to the directory'],
  ['a directory twice', (to) => to.directory(bytes('directory'), PLAIN), 'is there already'],
  ['a directory for a file', (to) => to.directory(bytes('file'), PLAIN), 'is there already'],
  ['a large major', (to) => to.device(bytes('a'), PLAIN, { kind: 'block', major: 4096, minor: 0 }), '4096:0'],
  ['type bits in a mode', (to) => to.fifo(bytes('a'), { ...PLAIN, mode: 0o10644 }), 'mode'],
  ['an owner of -1', (to) => to.fifo(bytes('a'), { ...PLAIN, uid: 0xffffffff }), 'owner'],
  [
    'a fraction of a second',
    (to) => to.fifo(bytes('a'), { ...PLAIN, modified: { seconds: 0.5, nanoseconds: 0 } }),
    'time',
  ],
  [
    'a second of nanoseconds',
    (to) => to.fifo(bytes('a'), { ...PLAIN, modified: { seconds: 0, nanoseconds: 1e9 } }),
    'nanoseconds',
  ],
])('%s is refused', async (_what, call, message) => {
  expect(await refusal(call)).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(message) as string,
  });
});

it.each([
  ['another kind of name', 'os2.x', ''],
  ['a prefix alone', 'user.', ''],
  ['what is only like a list', 'system.posix_acl_access2', ''],
  ['a long name', `user.${'x'.repeat(251)}`, ''],
  ['a NUL', 'user.\0', ''],
  ['a large value', 'user.x', 'x'.repeat(65_537)],
  ['an empty list', 'system.posix_acl_access', '\x02\0\0\0'],
  ['a list of another version', 'system.posix_acl_access', '\x01\0\0\0\x01\0\x07\0\xff\xff\xff\xff'],
  ['a list that is cut', 'system.posix_acl_access', '\x02\0\0\0\x01\0\x07\0\xff\xff\xff'],
  ['a list of unknown kind', 'system.posix_acl_access', '\x02\0\0\0\x03\0\x07\0\xff\xff\xff\xff'],
])('an xattr with %s is refused', async (_what, name, value) => {
  const xattrs = [{ name: bytes(name), value: bytes(value) }];
  expect(await refusal(async (to) => to.fifo(bytes('a'), { ...PLAIN, xattrs }))).toMatchObject({
    code: 'invalid_argument',
  });
});

it('xattrs whose names do not fit, or that are there twice, are refused', async () => {
  const many = Array.from({ length: 20 }, (_, at) => ({
    name: bytes(`user.${at}${'x'.repeat(240)}`),
    value: bytes(''),
  }));
  const twice = [...many.slice(0, 1), ...many.slice(0, 1)];
  for (const xattrs of [many, twice])
    expect(await refusal(async (to) => to.fifo(bytes('a'), { ...PLAIN, xattrs }))).toMatchObject({
      code: 'invalid_argument',
    });
});

it('a writer that has refused something can only be closed', async () => {
  await withImage(
    async (writer) => {
      await expect(writer.fifo(bytes('..'), PLAIN)).rejects.toThrow();
      await expect(writer.fifo(bytes('a'), PLAIN)).rejects.toMatchObject({ code: 'internal' });
      await writer.close();
    },
    () => undefined,
  ).catch(() => undefined);
});

it('a file has at most 65,000 links', async () => {
  const error = await refusal(async (writer) => {
    for (let link = 2; link <= 65_001; link += 1)
      await writer.hardLink(bytes(`links/${link}`), bytes('file'));
  });
  expect(error).toMatchObject({
    message: expect.stringContaining('/links/65001 is one of more than 65000') as string,
  });
});

it('a size that the content does not fit into is refused with both figures; the least size holds it', async () => {
  const fill = async (writer: Ext4Writer): Promise<void> => {
    await writer.file(bytes('file'), PLAIN, 30 * MIB, [Buffer.alloc(30 * MIB, 'x')]);
  };
  const none = (): void => undefined;
  await expect(withImage(fill, none, { sizeBytes: 16 * MIB })).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringMatching(
      /of 16777216 bytes is too small: its content needs at least \d{8} bytes/,
    ) as string,
    details: { given: 16 * MIB },
  });
  let needed = 0;
  const tooSmall = withImage(fill, none, { sizeBytes: 32 * MIB }).catch(
    (error: { details: { needed: number } }) => {
      needed = error.details.needed;
      throw error;
    },
  );
  await expect(tooSmall).rejects.toThrow(/of 33554432 bytes is too small: its content needs \d{8} bytes/);
  await withImage(fill, (file) => expect(problems(file)).toBe(''), { sizeBytes: needed });
  expect(needed).toBeLessThan(1.25 * 30 * MIB);
});

it('options that no file system has are refused', async () => {
  const none = async (): Promise<void> => undefined;
  for (const options of [
    { uuid: bytes('short') },
    { hashSeed: bytes('short') },
    { label: Buffer.alloc(17) },
    { sizeBytes: 0 },
    { sizeBytes: 2 ** 41 },
    { sizeBytes: 8 * MIB - 1 },
    { sizeBytes: () => 7 * MIB },
    { growBytes: 2 ** 41 },
    { journalBytes: 4 * MIB - 1 },
  ])
    await expect(withImage(none, none, options)).rejects.toMatchObject({ code: 'invalid_argument' });
});
