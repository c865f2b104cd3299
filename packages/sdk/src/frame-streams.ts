import { Readable, Writable, type Duplex } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import { MAX_FRAME_BYTES, frameKind } from '@banger/contract/stream-frames';
import { FrameDecoder, FrameEncoder, type Frame, type FrameFormat } from '@banger/rpc/frame-codec';
import { ProtocolFault } from '@banger/rpc/errors';
import { toClientError } from './call-errors.ts';

const format: FrameFormat = {
  kinds: new Set<number>(Object.values(frameKind)),
  maxPayloadBytes: MAX_FRAME_BYTES,
};

/**
 * The frames that come on a byte stream, until its end. The iteration throws `daemon_unreachable` when it breaks and
 * `protocol_error` when it is not made of frames; before it begins, nothing is lost.
 */
export function receiveFrames(stream: Duplex): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(format);
  // What broke is told to whoever iterates, now or later.
  decoder.on('error', () => undefined);
  stream.on('error', (error) => decoder.destroy(error));
  stream.on('close', () => {
    if (!stream.readableEnded) decoder.destroy(new Error('The stream was closed.'));
  });
  stream.pipe(decoder);
  return frames(decoder);
}

async function* frames(decoder: FrameDecoder): AsyncGenerator<Frame> {
  try {
    yield* decoder as AsyncIterable<Frame>;
  } catch (error) {
    if (error instanceof ProtocolFault) throw toClientError(error);
    throw new BangerError('daemon_unreachable', 'The connection to the daemon was lost.', { cause: error });
  }
}

/** A `Writable` whose bytes go out as frames of input; its end is a frame without bytes. */
export function inputTo(stream: Duplex): Writable {
  const encoder = new FrameEncoder(format);
  encoder.pipe(stream, { end: false });
  const send = (payload: Buffer, done: () => void): void => {
    if (encoder.write({ kind: frameKind.stdin, payload } satisfies Frame)) done();
    else encoder.once('drain', done);
  };
  const writable = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      // Without bytes it would be the end.
      if (chunk.length === 0) done();
      else send(chunk, done);
    },
    final: (done) => send(Buffer.alloc(0), done),
  });
  stream.on('close', () => writable.destroy());
  return writable;
}

/** A `Readable` filled by `deliver`, which waits for its reader. */
export class PacedReadable extends Readable {
  #ready: (() => void) | undefined;

  /** Resolves when there is room for more, or nobody wants it any more. */
  async deliver(chunk: Buffer): Promise<void> {
    if (this.destroyed || chunk.length === 0 || this.push(chunk)) return;
    await new Promise<void>((resolve) => {
      this.#ready = resolve;
    });
  }

  override _read(): void {
    this.#ready?.();
    this.#ready = undefined;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    done(error);
  }
}
