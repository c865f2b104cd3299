import { pipeline } from 'node:stream/promises';
import type { Duplex, Readable } from 'node:stream';
import { StreamRegistry } from '@banger/rpc/stream-registry';
import { FrameDecoder, FrameEncoder, type Frame } from '@banger/rpc/frame-codec';
import { frameKind, MAX_FRAME_BYTES } from '@banger/contract/stream-frames';
import type { Logger } from 'pino';
import { toBangerError } from '@banger/contract/error';
import type { DaemonInfo } from '../services/daemon-info.ts';

const format = { kinds: new Set<number>(Object.values(frameKind)), maxPayloadBytes: MAX_FRAME_BYTES };

/** What one side of a picked-up stream works with. Both end with the client's connection. */
export interface FrameChannel {
  readonly incoming: AsyncIterable<Frame>;
  /** Waits until the client has room for it. */
  write(frame: Frame): Promise<void>;
  /** Fires when the client has left. */
  readonly gone: AbortSignal;
}

/** What a promised stream depends on besides its own connection. */
export interface OfferOptions {
  /** `look`: no work of the daemon, as it can be had of another one. */
  readonly kind?: 'work' | 'look';
  /**
   * Fires when the connection of the call has ended: the client has left, and the stream ends. A client whose input is held back cannot be
   * seen to leave by the stream's own connection, as nobody reads from that.
   */
  readonly callerGone?: AbortSignal;
}

/** The byte streams that calls promise to their clients. */
export class StreamOffers {
  readonly registry = new StreamRegistry();
  readonly #daemon: Pick<DaemonInfo, 'streaming'>;
  readonly #log: Logger;

  constructor(daemon: Pick<DaemonInfo, 'streaming'>, log: Logger) {
    this.#daemon = daemon;
    this.#log = log;
  }

  /**
   * Promises a stream that `serve` fills until it returns; `drop` is called when nobody picks it up. From the promise
   * on it is work of the daemon, as what stands behind it has begun.
   */
  offer(
    serve: (channel: FrameChannel) => Promise<void>,
    drop: () => void,
    { kind = 'work', callerGone }: OfferOptions = {},
  ): string {
    const ended = kind === 'work' ? this.#daemon.streaming() : (): void => undefined;
    const token = this.registry.offer(
      (duplex) => {
        const leave = (): void => void duplex.destroy();
        callerGone?.addEventListener('abort', leave, { once: true });
        duplex.once('close', () => callerGone?.removeEventListener('abort', leave));
        void this.#serve(duplex, serve).finally(ended);
      },
      {
        onExpired: () => {
          ended();
          drop();
        },
      },
    );
    if (callerGone?.aborted === true) this.registry.withdraw(token);
    return token;
  }

  /** Promises the bytes of a readable as `stdout` frames. */
  offerReadable(readable: Readable, options: OfferOptions = {}): { readonly stream: string } {
    const serve = async ({ write, gone }: FrameChannel): Promise<void> => {
      gone.addEventListener('abort', () => readable.destroy(), { once: true });
      for await (const payload of readable as AsyncIterable<Buffer>)
        await write({ kind: frameKind.stdout, payload });
    };
    return { stream: this.offer(serve, () => readable.destroy(), options) };
  }

  async #serve(duplex: Duplex, serve: (channel: FrameChannel) => Promise<void>): Promise<void> {
    const gone = new AbortController();
    const encoder = new FrameEncoder(format);
    const decoder = new FrameDecoder(format);
    duplex.once('close', () => {
      gone.abort();
      // Whoever waits for the next frame is told that none comes.
      if (!duplex.readableEnded) decoder.destroy(new Error('The client left.'));
    });
    duplex.once('end', () => gone.abort());
    duplex.on('error', () => duplex.destroy());
    decoder.on('error', () => duplex.destroy());
    const sent = pipeline(encoder, duplex);
    duplex.pipe(decoder);
    try {
      await serve({
        incoming: decoder as AsyncIterable<Frame>,
        write: (frame) => write(encoder, frame, gone.signal),
        gone: gone.signal,
      });
      encoder.end();
      await sent;
    } catch (error) {
      if (!gone.signal.aborted) this.#log.warn({ error: toBangerError(error).message }, 'stream broke');
      sent.catch(() => undefined);
      duplex.destroy();
    }
  }
}

/** Writes a frame and waits for room; a client that has left is an error. */
async function write(encoder: FrameEncoder, frame: Frame, gone: AbortSignal): Promise<void> {
  if (gone.aborted) throw new Error('The client left.');
  if (encoder.write(frame)) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onGone = (): void => reject(new Error('The client left.'));
  encoder.once('drain', resolve);
  gone.addEventListener('abort', onGone, { once: true });
  try {
    await promise;
  } finally {
    encoder.off('drain', resolve);
    gone.removeEventListener('abort', onGone);
  }
}
