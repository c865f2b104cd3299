import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { STREAM_OFFER_MS } from './limits.ts';

/** Takes the connection of the client that picked the stream up; from now on it owns it, errors included. */
export type StreamHandler = (stream: Duplex) => void;

/** 128 bits: a token is the only right that its stream asks for. */
const TOKEN_BYTES = 16;

interface Offer {
  readonly handler: StreamHandler;
  readonly expired: (() => void) | undefined;
  readonly timer: NodeJS.Timeout;
}

/** Byte streams that were promised to clients and wait to be picked up by `stream.attach`, each once. */
export class StreamRegistry {
  readonly #offers = new Map<string, Offer>();

  /** Offers that nobody has picked up yet. */
  get size(): number {
    return this.#offers.size;
  }

  /**
   * Promises a stream; the token goes to the client in the result of its call. Without a client within `timeoutMs` the
   * offer ends and `onExpired` is called, so that what stands behind the stream can be ended too.
   */
  offer(
    handler: StreamHandler,
    options: { readonly timeoutMs?: number; readonly onExpired?: () => void } = {},
  ): string {
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const timer = setTimeout(() => this.withdraw(token), options.timeoutMs ?? STREAM_OFFER_MS);
    timer.unref();
    this.#offers.set(token, { handler, expired: options.onExpired, timer });
    return token;
  }

  /** The handler of an offer, which is thereby used up; undefined when there is no such offer. */
  take(token: string): StreamHandler | undefined {
    const offer = this.#remove(token);
    return offer?.handler;
  }

  /** Ends an offer before anyone came, as its time does; harmless when it is gone. */
  withdraw(token: string): void {
    this.#remove(token)?.expired?.();
  }

  /** Ends all offers. */
  close(): void {
    for (const token of [...this.#offers.keys()]) this.withdraw(token);
  }

  #remove(token: string): Offer | undefined {
    const offer = this.#offers.get(token);
    if (offer === undefined) return undefined;
    clearTimeout(offer.timer);
    this.#offers.delete(token);
    return offer;
  }
}
