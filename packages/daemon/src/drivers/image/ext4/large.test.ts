import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PLAIN, bytes, debugfs, problems, tool, withImage } from './image.suite.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** What takes a second or two alone takes longer on a machine that does other things as well. */
const TIMEOUT_MS = 60_000;

/** How often a file repeats some bytes, or -1 when it is not made of them alone. */
function repeats(file: string, unit: Buffer): number {
  const handle = openSync(file, 'r');
  const read = Buffer.alloc(unit.length);
  try {
    for (let count = 0; ; count += 1) {
      const length = readSync(handle, read);
      if (length === 0) return count;
      if (length < read.length || !read.equals(unit)) return -1;
    }
  } finally {
    closeSync(handle);
  }
}

it(
  'a directory of 100,000 long names has an index of two levels, by which all are found',
  async () => {
    const count = 100_000;
    const name = (at: number): Buffer => bytes(`${at}-${'\xf6'.repeat(255 - 1 - String(at).length)}`);
    await withImage(
      async (writer) => {
        for (let at = 0; at < count; at += 1)
          await writer.file(Buffer.concat([bytes('d/'), name(at)]), PLAIN, 0, []);
      },
      (file) => {
        expect(problems(file)).toBe('');
        const [text = ''] = debugfs(file, ['htree_dump d']);
        expect(text).toContain('Indirect levels: 1');
        const [listed = ''] = debugfs(file, ['ls -p d']);
        expect(listed.match(/\/100644\//g)).toHaveLength(count);
      },
      { sizeBytes: GIB },
    );
  },
  TIMEOUT_MS,
);

it(
  'a directory of 70,000 directories says that it has one link',
  async () => {
    await withImage(
      async (writer) => {
        for (let at = 0; at < 70_000; at += 1) await writer.directory(bytes(`d/${at}`), PLAIN);
      },
      (file) => {
        expect(problems(file)).toBe('');
        expect(debugfs(file, ['stat d'])[0]).toContain('Links: 1 ');
      },
      { sizeBytes: GIB },
    );
  },
  TIMEOUT_MS,
);

it(
  'a file of 10,000 extents and one of 5 GiB of holes are read back',
  async () => {
    const count = 10_000;
    const block = Buffer.alloc(4096, 'x');
    const hole = Buffer.alloc(4096);
    const zeros = Buffer.alloc(MIB);
    await withImage(
      async (writer) => {
        await writer.file(
          bytes('many'),
          PLAIN,
          count * 8192,
          (function* () {
            for (let at = 0; at < count; at += 1) yield* [hole, block];
          })(),
        );
        await writer.file(
          bytes('far'),
          PLAIN,
          5 * GIB + 1,
          (function* () {
            for (let at = 0; at < 5 * 1024; at += 1) yield zeros;
            yield bytes('x');
          })(),
        );
      },
      (file) => {
        expect(problems(file)).toBe('');
        expect(debugfs(file, ['dump many ' + `${file}.many`, 'stat far'])[1]).toContain('(1310720):');
        const pair = Buffer.concat([hole, block]);
        expect(repeats(`${file}.many`, pair)).toBe(count);
        const [text = ''] = debugfs(file, ['extents many']);
        expect(text.match(/^ *2\/ +2 /gm)).toHaveLength(count);
      },
      { sizeBytes: 128 * MIB },
    );
  },
  TIMEOUT_MS,
);

it(
  'a deep tree, and content across many groups, are in order',
  async () => {
    const deep = Array.from({ length: 2000 }, () => 'd').join('/');
    const piece = Buffer.alloc(MIB, 'content');
    await withImage(
      async (writer) => {
        await writer.file(bytes(`${deep}/file`), PLAIN, 1, [bytes('x')]);
        await writer.file(bytes('large'), PLAIN, 600 * MIB, Array<Buffer>(600).fill(piece));
        await writer.file(bytes('next'), PLAIN, 1, [bytes('x')]);
      },
      (file, { leastBytes }) => {
        expect(problems(file)).toBe('');
        expect(leastBytes).toBeLessThan(660 * MIB);
        expect(statSync(file).blocks * 512).toBeLessThan(1.1 * 600 * MIB);
        debugfs(file, [`dump large ${file}.large`]);
        expect(repeats(`${file}.large`, piece)).toBe(600);
      },
      { sizeBytes: ({ leastBytes }) => 2 * leastBytes },
    );
  },
  TIMEOUT_MS,
);

it(
  'more files than there would be inodes for get them',
  async () => {
    await withImage(
      async (writer) => {
        for (let at = 0; at < 20_000; at += 1) await writer.fifo(bytes(`d/${at}`), PLAIN);
      },
      (file) => {
        expect(problems(file)).toBe('');
        expect(tool(['dumpe2fs', '-h', file]).output).toMatch(/Inode count: +25024\n/);
      },
    );
  },
  TIMEOUT_MS,
);

it.each([
  ['64 GiB', 64 * GIB],
  ['1 TiB, beyond the room that was kept', 1024 * GIB],
])(
  'grows offline to %s',
  async (_what, size) => {
    await withImage(
      async (writer) => {
        for (let at = 0; at < 100; at += 1)
          await writer.file(bytes(`d/${at}`), PLAIN, MIB, [Buffer.alloc(MIB, 'x')]);
      },
      (file) => {
        expect(problems(file)).toBe('');
        expect(tool(['truncate', '-s', String(size), file])).toMatchObject({ status: 0 });
        expect(tool(['resize2fs', file])).toMatchObject({ status: 0 });
        expect(problems(file)).toBe('');
      },
      { sizeBytes: 300 * MIB },
    );
  },
  TIMEOUT_MS,
);
