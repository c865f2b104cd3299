import { Readable, type Duplex, type Writable } from 'node:stream';
import type { UploadEnd } from '@banger/contract/copy';
import { BangerError } from '@banger/contract/error';
import { isErrorCode } from '@banger/contract/error-codes';
import { frameKind, MAX_FRAME_BYTES } from '@banger/contract/stream-frames';
import {
  encodeRecord,
  MAX_RECORD_BYTES,
  recordKind,
  TreeReader,
  type TreeRecord,
} from '@banger/contract/tree-record';
import { ProtocolFault } from '@banger/rpc/errors';
import { FrameDecoder, type Frame } from '@banger/rpc/frame-codec';
import { cancelled } from './call-errors.ts';
import { inputTo, receiveFrames } from './frame-streams.ts';

const format = { kinds: new Set<number>(Object.values(recordKind)), maxPayloadBytes: MAX_RECORD_BYTES };

/** kind (u8), length (u32). */
const RECORD_HEAD_BYTES = 5;
/** Records are sent together up to this: what fills one message of the guest's channel. */
const BATCH_BYTES = 65_530;

/** Content of this size in one record fills one message of the guest's channel. */
export const CONTENT_BYTES: number = BATCH_BYTES - RECORD_HEAD_BYTES;

/** A tree on its way into a guest. */
export interface CopyIn {
  /** Sends a record, and waits for room. Rejects with the guest's reason once it takes no more. */
  write(record: TreeRecord): Promise<void>;
  /** Says that the tree is whole; resolves when all of it is in the guest. */
  end(): Promise<void>;
  /** Resolves when the copy is over: with why, when it failed. For those who wait for something to send. */
  readonly over: Promise<Error | undefined>;
  /** Leaves: what is not whole yet is dropped in the guest. Harmless when repeated. */
  close(): void;
}

/** A tree on its way out of a guest. */
export interface CopyOut {
  /** To be iterated once. What comes is the guest's claim, but always a tree (tree-record.ts); throws when it ends before its end. */
  readonly records: AsyncIterable<TreeRecord>;
  /** Leaves. Harmless when repeated. */
  close(): void;
}

/** Sends a tree over its byte stream, which it owns from now on. */
export function openCopyIn(stream: Duplex): CopyIn {
  const input = inputTo(stream);
  input.on('error', () => undefined);
  let closed = false;
  let ended: Error | undefined;
  const over = endOf(stream).then(
    () => undefined,
    (error: Error) => (closed ? cancelled(error) : error),
  );
  void over.then((error) => {
    ended = error ?? new BangerError('protocol_error', 'The daemon took a tree for whole before its end.');
    stream.destroy();
  });
  let parts: Buffer[] = [];
  let size = 0;
  /** Resolves when there is room again; undefined while there is. */
  let full: Promise<void> | undefined;
  const flush = (): void => {
    if (size === 0 || input.destroyed) return;
    const roomy = input.write(Buffer.concat(parts, size));
    parts = [];
    size = 0;
    if (!roomy) full ??= drained(input).then(() => void (full = undefined));
  };
  const room = async (): Promise<void> => {
    await full;
    if (input.destroyed) await over;
    if (ended !== undefined) throw ended;
  };
  return {
    write: async (record) => {
      const { kind, payload } = encodeRecord(record);
      if (size + RECORD_HEAD_BYTES + payload.length > BATCH_BYTES) flush();
      await room();
      const head = Buffer.allocUnsafe(RECORD_HEAD_BYTES);
      head.writeUInt8(kind);
      head.writeUInt32BE(payload.length, 1);
      // Whoever has nothing more to send now does not keep the guest from what there is.
      if (size === 0) setImmediate(flush);
      parts.push(head, payload);
      size += head.length + payload.length;
    },
    end: async () => {
      flush();
      await room();
      input.end();
      const error = await over;
      if (error !== undefined) throw error;
    },
    over,
    close: () => {
      closed = true;
      stream.destroy();
    },
  };
}

/** Resolves when a stream takes more, or none any more. */
async function drained(input: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  input.once('drain', resolve);
  input.once('close', resolve);
  await promise;
  input.off('drain', resolve);
  input.off('close', resolve);
}

/** Receives a tree over its byte stream, which it owns from now on. */
export function openCopyOut(stream: Duplex): CopyOut {
  let closed = false;
  return {
    records: records(stream, () => closed),
    close: () => {
      closed = true;
      stream.destroy();
    },
  };
}

/** Bytes that the daemon gives. */
export interface Download {
  /** To be iterated once; throws when they end before their end. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Leaves. Harmless when repeated. */
  close(): void;
}

/** Receives bytes over their stream, which it owns from now on. */
export function openDownload(stream: Duplex): Download {
  let closed = false;
  return {
    bytes: (async function* () {
      try {
        yield* treeBytes(stream);
      } catch (error) {
        throw closed ? cancelled(error) : error;
      } finally {
        stream.destroy();
      }
    })(),
    close: () => {
      closed = true;
      stream.destroy();
    },
  };
}

async function* records(stream: Duplex, closed: () => boolean): AsyncGenerator<TreeRecord> {
  const decoder = new FrameDecoder(format);
  const bytes = Readable.from(treeBytes(stream), { objectMode: false });
  bytes.on('error', (error) => decoder.destroy(error));
  decoder.on('error', () => undefined);
  const reader = new TreeReader();
  try {
    for await (const frame of bytes.pipe(decoder) as AsyncIterable<Frame>) yield reader.read(frame);
    if (!reader.over) throw new BangerError('agent_protocol', 'The guest ended a tree before its end.');
  } catch (error) {
    if (closed()) throw cancelled(error);
    if (!(error instanceof ProtocolFault)) throw error;
    throw new BangerError('agent_protocol', `The tree that was sent is none: ${error.message}`, {
      cause: error,
    });
  } finally {
    stream.destroy();
  }
}

/** The bytes of a `stdout` stream, to its `exit` frame; throws what that says. */
async function* treeBytes(stream: Duplex): AsyncGenerator<Buffer> {
  for await (const { kind, payload } of receiveFrames(stream)) {
    if (kind === frameKind.stdout) yield payload;
    else {
      checkEnd(kind, payload);
      return;
    }
  }
  throw lost();
}

/** Bytes on their way to the daemon. */
export interface Upload {
  /** Sends bytes, and waits for room. Rejects with the daemon's reason once it takes no more. */
  write(bytes: Buffer): Promise<void>;
  /** Says that these were all; resolves with what they are called from now on. */
  end(): Promise<string>;
  /** Resolves when it is over: with why, when it failed. For those who wait for something to send. */
  readonly over: Promise<Error | undefined>;
  /** Leaves. Harmless when repeated. */
  close(): void;
}

/** Sends bytes over their stream, which it owns from now on. */
export function openUpload(stream: Duplex): Upload {
  const input = inputTo(stream);
  input.on('error', () => undefined);
  let closed = false;
  const end = endOf(stream).catch((error: unknown) => {
    throw closed ? cancelled(error) : error;
  });
  const over = end.then(
    () => undefined,
    (error: Error) => error,
  );
  void over.then(() => stream.destroy());
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length && !input.destroyed; at += MAX_FRAME_BYTES)
        if (!input.write(bytes.subarray(at, at + MAX_FRAME_BYTES))) await drained(input);
      if (!input.destroyed) return;
      await end;
      throw new BangerError('protocol_error', 'The daemon took what was sent for whole before its end.');
    },
    end: async () => {
      input.end();
      const { upload } = await end;
      if (upload !== undefined) return upload;
      throw new BangerError('protocol_error', 'The daemon did not say what it has taken.');
    },
    over,
    close: () => {
      closed = true;
      stream.destroy();
    },
  };
}

/** Waits for the frame that says how a copy ended. */
async function endOf(stream: Duplex): Promise<UploadEnd> {
  for await (const { kind, payload } of receiveFrames(stream)) return checkEnd(kind, payload);
  throw lost();
}

function checkEnd(kind: number, payload: Buffer): UploadEnd {
  if (kind !== frameKind.exit)
    throw new BangerError('protocol_error', 'The daemon sent a frame that does not belong to a copy.');
  const end = parseEnd(payload);
  const { error } = end;
  if (error === undefined) return end;
  throw new BangerError(isErrorCode(error.code) ? error.code : 'internal', error.message, {
    hint: error.hint,
  });
}

function parseEnd(payload: Buffer): UploadEnd {
  try {
    return JSON.parse(payload.toString()) as UploadEnd;
  } catch (cause) {
    throw new BangerError('protocol_error', 'The daemon did not say how the copy ended.', { cause });
  }
}

function lost(): BangerError {
  return new BangerError(
    'daemon_unreachable',
    'The connection to the daemon was lost before the copy ended.',
  );
}
