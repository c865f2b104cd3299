import { Readable } from 'node:stream';
import type { UploadEnd } from '@banger/contract/copy';
import { BangerError, toBangerError } from '@banger/contract/error';
import { MAX_FRAME_BYTES, frameKind } from '@banger/contract/stream-frames';
import type { Frame } from '@banger/rpc/frame-codec';
import type { GuestTree, TakeTree } from '../services/vm/copy.ts';
import type { FrameChannel, StreamOffers } from './streams.ts';

/** Promises a tree stream out of a guest: `stdout` frames, then an `exit` frame that says whether it is whole. */
export function offerCopyOut(streams: StreamOffers, { bytes, told }: GuestTree): { readonly stream: string } {
  const serve = async ({ write, gone }: FrameChannel): Promise<void> => {
    gone.addEventListener('abort', () => bytes.destroy(), { once: true });
    const pass = async (): Promise<void> => {
      for await (const payload of bytes as AsyncIterable<Buffer>)
        await write({ kind: frameKind.stdout, payload });
    };
    await write(exitFrame(await endOf(told(pass()))));
  };
  return { stream: streams.offer(serve, () => bytes.destroy()) };
}

/** Bytes for a client, under a name. */
export interface Download {
  readonly name: string;
  /** Read once; what is read rejects when the signal fires. */
  bytes(signal: AbortSignal): AsyncIterable<Buffer>;
}

/** Promises bytes: `stdout` frames, then an `exit` frame that says whether they are all. Nothing is read before the client has come. */
export function offerDownload(
  streams: StreamOffers,
  { name, bytes }: Download,
): { readonly stream: string; readonly name: string } {
  const serve = async ({ write, gone }: FrameChannel): Promise<void> => {
    const pass = async (): Promise<void> => {
      for await (const piece of bytes(gone))
        for (let at = 0; at < piece.length; at += MAX_FRAME_BYTES)
          await write({ kind: frameKind.stdout, payload: piece.subarray(at, at + MAX_FRAME_BYTES) });
    };
    await write(exitFrame(await endOf(pass())));
  };
  return { stream: streams.offer(serve, () => undefined), name };
}

/** Promises to take a tree stream into a guest: `stdin` frames, an empty one at its end; the `exit` frame says what came of it. */
export function offerCopyIn(
  streams: StreamOffers,
  take: TakeTree,
  callerGone: AbortSignal,
): { readonly stream: string } {
  const serve = async ({ incoming, write, gone }: FrameChannel): Promise<void> => {
    const frames = incoming[Symbol.asyncIterator]();
    await write(exitFrame(await endOf(take(inputOf(frames), gone))));
    // A client that is still sending hears of the end only if it gets rid of what it sends.
    void discard(frames).catch(() => undefined);
  };
  return { stream: streams.offer(serve, () => undefined, { callerGone }) };
}

/**
 * Promises to take bytes: `stdin` frames, an empty one at their end; the `exit` frame says what they are called from then on, or why they were
 * not taken.
 */
export function offerUpload(
  streams: StreamOffers,
  take: (bytes: Readable) => Promise<string>,
  callerGone: AbortSignal,
): { readonly stream: string } {
  const serve = async ({ incoming, write }: FrameChannel): Promise<void> => {
    const frames = incoming[Symbol.asyncIterator]();
    const taken = async (): Promise<UploadEnd> => ({ upload: await take(inputOf(frames)) });
    await write(exitFrame(await endOf(taken())));
    void discard(frames).catch(() => undefined);
  };
  return { stream: streams.offer(serve, () => undefined, { callerGone }) };
}

/**
 * The client's input. It errors when the client left before its end, so that half of it is not taken for all. Whoever wants no more
 * of it does not have to wait for what the client sends next.
 */
function inputOf(frames: AsyncIterator<Frame>): Readable {
  const input = new Readable({
    read: () => void frames.next().then(take, (error: Error) => input.destroy(error)),
  });
  const take = (next: IteratorResult<Frame>): void => {
    if (next.done === true) input.destroy(new Error('The client left before the end of its input.'));
    else if (next.value.kind !== frameKind.stdin)
      input.destroy(new BangerError('protocol_error', 'The client sent a frame that is not for the daemon.'));
    else input.push(next.value.payload.length === 0 ? null : next.value.payload);
  };
  return input;
}

async function discard(frames: AsyncIterator<Frame>): Promise<void> {
  while ((await frames.next()).done !== true);
}

async function endOf(work: Promise<UploadEnd | void>): Promise<UploadEnd> {
  try {
    return (await work) ?? {};
  } catch (thrown) {
    const { code, message, hint } = toBangerError(thrown);
    return { error: { code, message, hint } };
  }
}

function exitFrame(end: UploadEnd): Frame {
  return { kind: frameKind.exit, payload: Buffer.from(JSON.stringify(end)) };
}
