import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeRunner } from '../../host/fake-runner.ts';
import { ElfFile } from './elf.ts';
import { makeBzImage, makeElf, makeVmlinux } from './fake/elf-fixture.ts';
import { readVmlinux } from './vmlinux.ts';

const RELEASE = '6.1.0-9-amd64';
const kernel = makeVmlinux(RELEASE);

describe('reading a kernel', () => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'banger-vmlinux-'));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  const read = async (bytes: Buffer): ReturnType<typeof readVmlinux> => {
    const file = join(scratch, 'kernel');
    await writeFile(file, bytes);
    const { signal } = new AbortController();
    return readVmlinux({ image: file }, { runner: new FakeRunner({}), scratch, signal });
  };
  const lz4 = (): Buffer => {
    const size = Buffer.alloc(4);
    const extra = kernel.length - 15;
    const literals = [0xf0, ...Array<number>(Math.floor(extra / 255)).fill(255), extra % 255];
    const block = Buffer.concat([Buffer.from(literals), kernel]);
    size.writeUInt32LE(block.length);
    return Buffer.concat([Buffer.from('02214c18', 'hex'), size, block]);
  };

  test.each<readonly [string, () => Buffer]>([
    ['vmlinux', () => kernel],
    ['vmlinux.gz', () => gzipSync(kernel)],
    ['vmlinux.zst', () => zstdCompressSync(kernel)],
    ['bzImage with gzip', () => makeBzImage(gzipSync(kernel), { release: RELEASE })],
    ['bzImage with zstd', () => makeBzImage(zstdCompressSync(kernel), { appended: kernel.length })],
    ['bzImage with LZ4', () => makeBzImage(lz4(), { release: RELEASE, appended: kernel.length })],
  ])('%s', async (_name, make) => {
    const found = await read(make());
    expect(found.bytes.equals(kernel)).toBe(true);
    expect(found.release).toBe(RELEASE);
    expect(found.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each<readonly [string, Buffer, string]>([
    ['no kernel', Buffer.from('#!/bin/sh\n'), 'compression is unknown'],
    ['an empty file', Buffer.alloc(0), 'compression is unknown'],
    ['a bzip2 one', makeBzImage(Buffer.from('BZh91AY'), { release: RELEASE }), 'bzip2'],
    ['one without a PVH entry', makeElf({ notes: [] }), 'no PVH entry'],
    ['one for another machine', makeElf({ machine: 183 }), 'not for x86-64'],
    ['a short one', kernel.subarray(0, 80), 'cut short'],
    [
      'a damaged one',
      makeBzImage(gzipSync(kernel).fill(0, 30, 60), { release: RELEASE }),
      'cannot be booted',
    ],
    [
      'one that hides its release',
      makeElf({ notes: [{ name: 'Xen', type: 18, description: Buffer.alloc(4) }] }),
      'release',
    ],
  ])('%s is refused with the reason', async (_name, bytes, why) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'kernel_invalid',
      message: expect.stringContaining(why) as string,
    });
  });

  test('a payload that reaches past the file is refused', async () => {
    const image = makeBzImage(gzipSync(kernel), { release: RELEASE });
    image.writeUInt32LE(0xfffffff0, 0x24c);
    await expect(read(image)).rejects.toMatchObject({ code: 'kernel_invalid' });
  });

  test('xz without the program says which one is missing', async () => {
    const xz = Buffer.from('fd377a585a000004', 'hex');
    await expect(read(makeBzImage(xz, { release: RELEASE, appended: 1 }))).rejects.toMatchObject({
      code: 'missing_tool',
    });
  });

  test('an ELF file with any damage is read or refused, never more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(kernel.length - 1), fc.nat(255)), { maxLength: 12 }),
        (changes) => {
          const bytes = Buffer.from(kernel);
          for (const [at, value] of changes) bytes[at] = value;
          try {
            const elf = new ElfFile(bytes);
            elf.notes();
            elf.section('.rodata');
          } catch (error) {
            expect((error as Error).message).toMatch(/^it |^a note /);
          }
        },
      ),
    );
  });
});
