import type { Duplex } from 'node:stream';
import type { Limits } from './limits.ts';
import { PROGRESS, type CallId } from './messages.ts';

/**
 * What waits to be sent on one connection. Answers are queued up to a limit, after which the client is cut off by
 * `overflow`; progress is held back as soon as the client does not keep up, the newest events of each call only.
 */
export class Outbox {
  readonly #duplex: Duplex;
  readonly #limits: Limits;
  readonly #overflow: () => void;
  readonly #held = new Map<object, string[]>();
  #congested = false;

  constructor(duplex: Duplex, limits: Limits, overflow: () => void) {
    this.#duplex = duplex;
    this.#limits = limits;
    this.#overflow = overflow;
  }

  /** The client does not keep up: nothing more is to be read from it until `drained`. */
  get congested(): boolean {
    return this.#congested;
  }

  /** Sends one JSON text as a line. */
  send(json: string): void {
    this.#write(`${json}\n`);
  }

  /** Sends an event of a call, whose object is its key here, now or once the client reads again. */
  progress(call: object, id: CallId, event: object): void {
    const line = `${JSON.stringify({ jsonrpc: '2.0', method: PROGRESS, params: { id, event } })}\n`;
    if (!this.#congested) {
      this.#write(line);
      return;
    }
    const held = this.#held.get(call) ?? [];
    held.push(line);
    if (held.length > this.#limits.maxHeldEvents) held.shift();
    this.#held.set(call, held);
  }

  /** Sends what is held of a call that ends: after its answer nobody listens. */
  release(call: object): void {
    const held = this.#held.get(call);
    if (held === undefined) return;
    this.#held.delete(call);
    this.#write(held.join(''));
  }

  /** To be called when the stream drains. */
  drained(): void {
    this.#congested = false;
    for (const call of this.#held.keys()) {
      this.release(call);
      if (this.#congested) return;
    }
  }

  #write(text: string): void {
    if (!this.#duplex.writable) return;
    if (!this.#duplex.write(text)) this.#congested = true;
    if (this.#duplex.writableLength > this.#limits.maxQueuedBytes) this.#overflow();
  }
}
