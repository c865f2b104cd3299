import { randomBytes } from 'node:crypto';
import { duplexPair, type Duplex } from 'node:stream';
import { frameKind, MAX_FRAME_BYTES } from '@banger/contract/stream-frames';
import {
  encodeRecord,
  MAX_RECORD_BYTES,
  recordKind,
  TreeReader,
  type TreeRecord,
} from '@banger/contract/tree-record';
import { FrameDecoder, FrameEncoder, type Frame } from '@banger/rpc/frame-codec';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCopyIn, openCopyOut, type CopyOut } from './copy-streams.ts';

const outer = { kinds: new Set<number>(Object.values(frameKind)), maxPayloadBytes: MAX_FRAME_BYTES };
const inner = { kinds: new Set<number>(Object.values(recordKind)), maxPayloadBytes: MAX_RECORD_BYTES };
const entry = { name: '', mode: 0o644, mtimeNs: 1n, size: 0 };
const end: TreeRecord = { kind: 'end' };
const file = (...contents: readonly Uint8Array[]): TreeRecord[] => [
  { kind: 'file', ...entry },
  ...contents.map((bytes) => ({ kind: 'content', bytes }) as const),
  end,
];
const exit = (result: object): Frame => ({
  kind: frameKind.exit,
  payload: Buffer.from(JSON.stringify(result)),
});
const failure = { error: { code: 'guest_failed', message: 'No.', hint: 'h' } };

function pair(): [client: Duplex, daemon: Duplex] {
  const both = duplexPair();
  for (const side of both) side.on('error', () => undefined);
  return both;
}

async function collect({ records }: CopyOut): Promise<TreeRecord[]> {
  const all: TreeRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

/** What the records are as bytes. */
async function bytesOf(records: readonly TreeRecord[]): Promise<Buffer> {
  const encoder = new FrameEncoder(inner);
  for (const record of records) encoder.write(encodeRecord(record));
  encoder.end();
  return Buffer.concat((await encoder.toArray()) as Buffer[]);
}

/** Sends bytes as the daemon, in pieces, then a last frame. */
function daemonSends(daemon: Duplex, bytes: Buffer, piece: number, last: Frame | undefined): void {
  const encoder = new FrameEncoder(outer);
  encoder.pipe(daemon);
  for (let at = 0; at < bytes.length; at += piece)
    encoder.write({ kind: frameKind.stdout, payload: bytes.subarray(at, at + piece) });
  if (last !== undefined) encoder.write(last);
  encoder.end();
}

describe('a copy out', () => {
  const read = async (
    bytes: Buffer,
    last: Frame | undefined = exit({}),
    piece = 7,
  ): Promise<TreeRecord[]> => {
    const [client, daemon] = pair();
    daemonSends(daemon, bytes, piece, last);
    const all = await collect(openCopyOut(client));
    expect(client.destroyed).toBe(true);
    return all;
  };

  test('gives the records, however they were cut', async () => {
    const records = file(randomBytes(100), randomBytes(65_536));
    for (const piece of [1_000, 65_536])
      expect(await read(await bytesOf(records), exit({}), piece)).toMatchObject(records);
  });

  test('that the daemon calls broken throws its reason', async () => {
    await expect(read(await bytesOf(file().slice(0, 1)), exit(failure))).rejects.toMatchObject({
      ...{ code: 'guest_failed', message: 'No.', hint: 'h' },
    });
  });

  test('that is called whole and is not is the guest lying', async () => {
    await expect(read(await bytesOf(file().slice(0, 1)))).rejects.toMatchObject({ code: 'agent_protocol' });
    await expect(read(Buffer.alloc(0))).rejects.toMatchObject({ code: 'agent_protocol' });
    await expect(read((await bytesOf(file())).subarray(0, -1))).rejects.toMatchObject({
      code: 'agent_protocol',
    });
  });

  test('whose daemon goes away says so', async () => {
    const [client, daemon] = pair();
    daemon.end();
    await expect(collect(openCopyOut(client))).rejects.toMatchObject({
      code: 'daemon_unreachable',
    });
  });

  test('that is left is cancelled', async () => {
    const [client] = pair();
    const copy = openCopyOut(client);
    const reading = collect(copy);
    copy.close();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('of anything ends well or with an error of ours', async () => {
    const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const record = fc.constantFrom(...file(Buffer.from('x')), { kind: 'directory', ...entry } as const, end);
    const likely = fc.array(record, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(noise, likely), fc.integer({ min: 1, max: 20 }), async (made, piece) => {
        const bytes = Buffer.isBuffer(made) ? made : await bytesOf(made);
        const outcome = await read(bytes, exit({}), piece).catch((error: unknown) => error);
        if (!Array.isArray(outcome)) expect(outcome).toMatchObject({ code: 'agent_protocol' });
      }),
      { numRuns: 200 },
    );
  });
});

describe('a copy in', () => {
  /** The daemon's side: collects the input up to its end, then says how it ended. */
  async function daemonTakes(daemon: Duplex, last: Frame): Promise<TreeRecord[]> {
    const encoder = new FrameEncoder(outer);
    encoder.pipe(daemon);
    const tree = new FrameDecoder(inner);
    const reader = new TreeReader();
    for await (const { payload } of daemon.pipe(new FrameDecoder(outer)) as AsyncIterable<Frame>) {
      if (payload.length === 0) break;
      expect(payload.length).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      tree.write(payload);
    }
    tree.end();
    encoder.end(last);
    return ((await tree.toArray()) as Frame[]).map((frame) => reader.read(frame));
  }

  test('sends the records, small ones together', async () => {
    const [client, daemon] = pair();
    const taken = daemonTakes(daemon, exit({}));
    const copy = openCopyIn(client);
    const records = file(randomBytes(65_525), randomBytes(3), randomBytes(65_536), randomBytes(1));
    for (const record of records) await copy.write(record);
    await copy.end();
    expect(await copy.over).toBeUndefined();
    expect(await taken).toMatchObject(records);
  });

  test('that is refused rejects with the reason, at the latest at its end', async () => {
    const [client, daemon] = pair();
    new FrameEncoder(outer).on('data', (chunk) => daemon.write(chunk)).end(exit(failure));
    daemon.resume();
    const copy = openCopyIn(client);
    expect(await copy.over).toMatchObject({ code: 'guest_failed', hint: 'h' });
    await expect(copy.end()).rejects.toMatchObject({ code: 'guest_failed' });
  });

  test('does not keep a record back for want of more', async () => {
    const [client, daemon] = pair();
    await openCopyIn(client).write({ kind: 'file', ...entry });
    for await (const { payload } of daemon.pipe(new FrameDecoder(outer)) as AsyncIterable<Frame>) {
      expect(payload).toEqual(await bytesOf([{ kind: 'file', ...entry }]));
      break;
    }
  });

  test('holds its writer back when nobody takes what it sends, also one that pauses between records', async () => {
    const [client] = pair();
    const copy = openCopyIn(client);
    let written = 0;
    const writing = (async () => {
      for (;;) {
        await copy.write({ kind: 'content', bytes: Buffer.alloc(60_000) });
        written += 60_000;
        await new Promise((resolve) => void setImmediate(resolve));
      }
    })();
    writing.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(written).toBeLessThan(2_000_000);
    copy.close();
    await expect(writing).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('that waits for room hears of a refusal', async () => {
    const [client, daemon] = pair();
    const copy = openCopyIn(client);
    const writing = (async () => {
      for (;;) await copy.write({ kind: 'content', bytes: Buffer.alloc(60_000) });
    })();
    writing.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    new FrameEncoder(outer).on('data', (chunk) => daemon.write(chunk)).end(exit(failure));
    await expect(writing).rejects.toMatchObject({ code: 'guest_failed' });
  });

  test('that is left is cancelled', async () => {
    const [client] = pair();
    const copy = openCopyIn(client);
    copy.close();
    await expect(copy.end()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
