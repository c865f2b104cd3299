import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copyTree } from './copy-tree.ts';
import { ROOT_INODE } from './geometry.ts';
import { NOW, bytes, problems, readImage, withImage } from './image.suite.ts';
import type { EntryMetadata } from './entry-metadata.ts';
import type { Timestamp } from './time.ts';
import type { Ext4Writer } from './writer.ts';

/** Names of any bytes that a name may have. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((each) =>
    Buffer.from(each.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))).toString('latin1'),
  )
  .filter((each) => each !== '.' && each !== '..');

/** From 1901 on. Not to 2446: e2fsck takes what is from 2310 to 2378 for a mistake that an old kernel made. */
const time: fc.Arbitrary<Timestamp> = fc.record({
  seconds: fc.integer({ min: -(2 ** 31), max: 2 ** 33 + 2 ** 31 - 1 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});

const id = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 0xfffffffe }));

const xattrs = fc.uniqueArray(
  fc.record({
    name: fc.stringMatching(/^(user|trusted|security)\.[a-z]{1,40}$/).map(bytes),
    value: fc
      .oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 100 }) },
        fc.integer({ min: 0, max: 5000 }),
        fc.integer({ min: 0, max: 65_536 }),
      )
      .map((length) => Buffer.alloc(length, 'value of an xattr')),
  }),
  { maxLength: 6, selector: (xattr) => xattr.name.toString() },
);

const metadata: fc.Arbitrary<EntryMetadata> = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  modified: time,
  xattrs: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, xattrs),
});

/** Content as runs of blocks and bits, of zeros or not, and how it is cut when it is handed over. */
const content = fc
  .record({
    runs: fc.array(
      fc.record({
        length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 40_000 })),
        byte: fc.constantFrom(0, 0, 120),
      }),
      { maxLength: 8 },
    ),
    cut: fc.integer({ min: 1, max: 9000 }),
  })
  .map(({ runs, cut }) => ({
    whole: Buffer.concat(runs.map(({ length, byte }) => Buffer.alloc(length, byte))),
    cut,
  }));

const entry = fc.record({
  path: fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom(
    'file',
    'file',
    'file',
    'directory',
    'directory',
    'symlink',
    'hard link',
    'device',
    'fifo',
    'socket',
  ),
  metadata,
  content,
  target: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 4095 })),
  major: fc.integer({ min: 0, max: 4095 }),
  minor: fc.integer({ min: 0, max: 1_048_575 }),
  other: fc.nat(),
});
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;

/** What is to be found at a path. */
interface Expected extends Record<string, unknown> {
  readonly type: string;
}

/** Does what an entry says, unless it cannot be done, and notes what is to be found then. */
async function apply(
  writer: Ext4Writer,
  model: Map<string, Expected>,
  set: Set<string>,
  names: readonly string[],
  each: Entry,
): Promise<void> {
  const parts = each.path.map((at) => names[at % names.length]!);
  const path = parts.join('/');
  const parents = parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join('/'));
  if (parents.some((parent) => (model.get(parent)?.type ?? 'directory') !== 'directory')) return;
  const there = model.get(path);
  if (there !== undefined && (each.kind !== 'directory' || there.type !== 'directory' || set.has(path)))
    return;
  const { metadata: made } = each;
  const files = [...model].filter(([, { type }]) => type !== 'directory');
  const linked = files[each.other % Math.max(files.length, 1)];
  if (each.kind === 'hard link' && linked === undefined) return;
  for (const parent of parents)
    if (!model.has(parent))
      model.set(parent, { type: 'directory', mode: 0o755, uid: 0, gid: 0, modified: NOW });
  const { mode, uid, gid, modified, xattrs: given = [] } = made;
  const common = {
    mode,
    uid,
    gid,
    modified,
    xattrs: Object.fromEntries(given.map((xattr) => [xattr.name.toString(), xattr.value.toString('latin1')])),
  };
  const at = bytes(path);
  switch (each.kind) {
    case 'file': {
      const { whole, cut } = each.content;
      const chunks = Array.from({ length: Math.ceil(whole.length / cut) }, (_, n) =>
        whole.subarray(n * cut, (n + 1) * cut),
      );
      await writer.file(at, made, whole.length, chunks);
      model.set(path, { type: 'regular', ...common, size: whole.length, content: whole });
      return;
    }
    case 'directory':
      await writer.directory(at, made);
      set.add(path);
      model.set(path, { type: 'directory', ...common });
      return;
    case 'symlink': {
      const target = Buffer.alloc(each.target, 'link/');
      await writer.symlink(at, made, target);
      model.set(path, { type: 'symlink', ...common, size: target.length, content: target });
      return;
    }
    case 'hard link':
      await writer.hardLink(at, bytes(linked![0]));
      model.set(path, linked![1]);
      return;
    case 'device':
      await writer.device(at, made, { kind: 'block', major: each.major, minor: each.minor });
      model.set(path, { type: 'block', ...common, device: [each.major, each.minor] });
      return;
    case 'fifo':
      await writer.fifo(at, made);
      model.set(path, { type: 'FIFO', ...common });
      return;
    case 'socket':
      await writer.socket(at, made);
      model.set(path, { type: 'socket', ...common });
  }
}

it('any tree is what debugfs reads, its copy too, and e2fsck finds nothing wrong', async () => {
  const trees = fc.record({
    names: fc.array(name, { minLength: 12, maxLength: 12 }),
    entries: fc.array(entry, { maxLength: 40, size: 'max' }),
  });
  await fc.assert(
    fc.asyncProperty(trees, async ({ names, entries }) => {
      const model = new Map<string, Expected>();
      const set = new Set<string>();
      const check = (file: string): void => {
        expect(problems(file)).toBe('');
        const found = readImage(file);
        found.delete('');
        expect([...found.keys()].toSorted()).toEqual([...model.keys()].toSorted());
        for (const [path, expected] of model) {
          const links = [...model.values()].filter((each) => each === expected).length;
          expect(found.get(path)).toMatchObject(
            expected.type === 'directory' ? expected : { ...expected, links },
          );
        }
      };
      await withImage(async (writer) => {
        for (const each of entries) await apply(writer, model, set, names, each);
        const written = await writer.written();
        await withImage((copy) => copyTree(written, ROOT_INODE, copy), check);
      }, check);
    }),
    { numRuns: 12 },
  );
}, 60_000);
