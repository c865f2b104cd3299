import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompressed } from './decompress.ts';
import { readDigest } from './digest.ts';
import { verified } from './verified.ts';
import { sha256 } from './layout.suite.ts';
import { streamed } from './tar/archive.suite.ts';

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const text = Buffer.from('some text, '.repeat(50_000));
const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from('skip')]);
const refused = { code: 'image_invalid' };

describe.each([1, 7, 1000, 1e7])('in pieces of %i bytes', (cut) => {
  const unpacked = (bytes: Buffer): Promise<Buffer> => all(decompressed(streamed(bytes, cut)));
  const short = text.subarray(0, 3000);

  it('reads gzip and zstd of one part and of many, and what is not packed', async () => {
    for (const pack of [gzipSync, zstdCompressSync]) {
      expect(await unpacked(pack(text))).toEqual(text);
      expect(await unpacked(Buffer.concat([pack(short), pack('and'), pack(short)]))).toEqual(
        Buffer.concat([short, Buffer.from('and'), short]),
      );
    }
    expect(await unpacked(short)).toEqual(short);
    expect(await unpacked(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
    expect(await unpacked(Buffer.from('abc'))).toEqual(Buffer.from('abc'));
  });

  it('passes over frames of zstd that hold no data, wherever they are', async () => {
    const frame = zstdCompressSync('data');
    expect(String(await unpacked(Buffer.concat([skippable, frame, skippable, frame, skippable])))).toBe(
      'datadata',
    );
  });

  it('refuses what is cut off, damaged, or has something behind it', async () => {
    for (const pack of [gzipSync, zstdCompressSync]) {
      const bytes = pack(text);
      await expect(unpacked(bytes.subarray(0, -3))).rejects.toMatchObject(refused);
      await expect(unpacked(Buffer.concat([bytes, Buffer.from('behind')]))).rejects.toMatchObject(refused);
      await expect(unpacked(Buffer.concat([bytes, Buffer.alloc(2000)]))).rejects.toMatchObject(refused);
      await expect(unpacked(Buffer.from(bytes).fill(0xff, 20, 40))).rejects.toMatchObject(refused);
    }
  });
});

it('takes as much memory as a piece, not as what comes out', async () => {
  const bomb = gzipSync(Buffer.alloc(256 * 1024 ** 2));
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let bytes = 0;
  for await (const chunk of decompressed(streamed(bomb))) {
    bytes += chunk.length;
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(bytes).toBe(256 * 1024 ** 2);
  expect(most).toBeLessThan(128 * 1024 ** 2);
});

it('hands on what a source rejects with, and ends a source that is not read on', async () => {
  const packed = gzipSync(text);
  let ended = false;
  async function* source(fail: boolean): AsyncGenerator<Buffer, void, void> {
    try {
      yield packed.subarray(0, 500);
      if (fail) throw new Error('the source');
      yield packed.subarray(500);
    } finally {
      ended = true;
    }
  }
  await expect(all(decompressed(source(true)))).rejects.toThrow('the source');
  ended = false;
  for await (const chunk of decompressed(source(false))) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(ended).toBe(true);
});

describe('what is verified', () => {
  const digest = sha256(text);
  const check = (bytes: Buffer, size?: number): Promise<Buffer> =>
    all(verified(streamed(bytes), size === undefined ? { digest } : { digest, size }, 'It'));

  it('is what the digest and the length say', async () => {
    expect(await check(text, text.length)).toEqual(text);
    await expect(check(text.subarray(1))).rejects.toMatchObject(refused);
    await expect(check(text, text.length - 1)).rejects.toMatchObject(refused);
    await expect(check(text, text.length + 1)).rejects.toMatchObject(refused);
  });

  it.each([
    '',
    'sha256:',
    `sha256:${'A'.repeat(64)}`,
    `md5:${'0'.repeat(32)}`,
    `constructor:${'0'.repeat(64)}`,
  ])('is never of "%s", which is no digest', (other) => {
    expect(readDigest(other)).toBeUndefined();
  });
});
