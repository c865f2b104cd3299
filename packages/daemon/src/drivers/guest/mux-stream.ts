import type { BangerError } from '@banger/contract/error';
import { ByteQueue } from './byte-queue.ts';
import { encodeFrameHeader, FrameFlag, FrameType } from './frame.ts';
import { INITIAL_WINDOW, MAX_FRAME_BYTES, MAX_WINDOW } from './limits.ts';
import { violation } from './violation.ts';

/** Consumed bytes are credited to the sender once they are this many: early enough that it never waits for us. */
const CREDIT_AT = INITIAL_WINDOW / 4;

/** What a stream asks of its session. */
export interface StreamOwner {
  /** Sends a frame without payload at once. */
  control(frame: Uint8Array): void;
  /** The stream has something to send; the session calls `nextFrame` when it is its turn. */
  ready(stream: MuxStream): void;
  /** Both sides have ended, or one has reset; `windowLeft` bytes may still be under way. */
  closed(stream: MuxStream, how: { readonly awaitsPeer: boolean; readonly windowLeft: number }): void;
}

interface Unsent {
  bytes: Uint8Array;
  readonly sent: (() => void) | undefined;
}

/** One yamux stream: a receive queue bounded by its window, and a send queue that waits for the peer's. */
export class MuxStream {
  readonly id: number;
  /** Called when bytes, the end, or a failure have come. */
  onReadable: () => void = () => undefined;
  readonly #owner: StreamOwner;
  readonly #queue = new ByteQueue();
  readonly #unsent: Unsent[] = [];
  #unsentBytes = 0;
  #unopened: boolean;
  #receiveWindow = INITIAL_WINDOW;
  /** Bytes of the current data frame that are still to come. */
  #incoming = 0;
  #credit = 0;
  #sendWindow = INITIAL_WINDOW;
  #ended: 'no' | 'wanted' | 'sent' = 'no';
  #peerEnded = false;
  #acknowledged = false;
  #failure: BangerError | undefined;

  /** `opens`: this side opens the stream, with a SYN in its first frame. */
  constructor(id: number, owner: StreamOwner, opens: boolean) {
    this.id = id;
    this.#owner = owner;
    this.#unopened = opens;
  }

  /** Bytes received and not taken yet. */
  get available(): number {
    return this.#queue.length;
  }

  /** True when the peer has ended and all its bytes were taken. */
  get drained(): boolean {
    return this.#peerEnded && this.#incoming === 0 && this.#queue.length === 0;
  }

  /** Why the stream is of no more use; bytes received before can still be taken. */
  get failure(): BangerError | undefined {
    return this.#failure;
  }

  /** True once the peer has accepted the stream, or sent on it. */
  get acknowledged(): boolean {
    return this.#acknowledged;
  }

  /** Takes the next bytes that lie together, at most `max`, and lets the peer send as many again. */
  take(max: number): Uint8Array | undefined {
    return this.#consumed(this.#queue.take(max));
  }

  /** Takes exactly `count` bytes; undefined while there are fewer. */
  takeExactly(count: number): Uint8Array | undefined {
    return this.#consumed(this.#queue.takeExactly(count));
  }

  /**
   * Queues bytes; they must not be changed afterwards. `sent` is called when the last one went to the transport, never when the
   * stream fails first. Bytes after the end or a failure are dropped.
   */
  write(parts: readonly Uint8Array[], sent?: () => void): void {
    if (this.#ended !== 'no' || this.#failure !== undefined) return;
    for (const [index, bytes] of parts.entries()) {
      this.#unsent.push({ bytes, sent: index === parts.length - 1 ? sent : undefined });
      this.#unsentBytes += bytes.length;
    }
    this.#owner.ready(this);
  }

  /** Ends our side after what is queued. */
  end(): void {
    if (this.#ended !== 'no' || this.#failure !== undefined) return;
    this.#ended = 'wanted';
    this.#owner.ready(this);
  }

  /** Ends both sides at once and drops what is queued; `reason` is what readers of this side get. */
  reset(reason: BangerError): void {
    if (this.#failure !== undefined || this.#closed) return;
    // A stream whose first frame never left is unknown to the peer.
    if (!this.#unopened)
      this.#owner.control(encodeFrameHeader(FrameType.windowUpdate, FrameFlag.rst, this.id, 0));
    this.#owner.closed(this, {
      awaitsPeer: !this.#unopened && !this.#peerEnded,
      windowLeft: this.#receiveWindow,
    });
    this.#queue.clear();
    this.fail(reason);
  }

  /** Nobody wants more of this stream: ended quietly when our side has ended already, else reset. */
  release(reason: BangerError): void {
    if (this.#ended !== 'sent') {
      this.reset(reason);
      return;
    }
    if (this.#failure !== undefined || this.#closed) return;
    this.#owner.closed(this, { awaitsPeer: true, windowLeft: this.#receiveWindow });
    this.#queue.clear();
    this.fail(reason);
  }

  /** Wakes everyone who waits on this stream with an error. Called by the session. */
  fail(reason: BangerError): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#unsent.length = 0;
    this.#unsentBytes = 0;
    this.onReadable();
  }

  /** The next frame to send as buffers, or undefined when nothing can be sent now. Called by the session. */
  nextFrame():
    | { readonly buffers: readonly Uint8Array[]; readonly sent: readonly (() => void)[] }
    | undefined {
    const size = Math.min(MAX_FRAME_BYTES, this.#sendWindow, this.#unsentBytes);
    const last = this.#ended === 'wanted' && size === this.#unsentBytes;
    if (size === 0 && !last && !this.#unopened) return undefined;
    const flags = (this.#unopened ? FrameFlag.syn : 0) | (last ? FrameFlag.fin : 0);
    this.#unopened = false;
    const buffers: Uint8Array[] = [encodeFrameHeader(FrameType.data, flags, this.id, size)];
    const sent: (() => void)[] = [];
    for (let left = size; left > 0;) {
      const next = this.#unsent[0];
      if (next === undefined) break;
      const part = next.bytes.subarray(0, left);
      buffers.push(part);
      left -= part.length;
      next.bytes = next.bytes.subarray(part.length);
      if (next.bytes.length > 0) break;
      this.#unsent.shift();
      if (next.sent !== undefined) sent.push(next.sent);
    }
    this.#unsentBytes -= size;
    this.#sendWindow -= size;
    if (last) {
      this.#ended = 'sent';
      this.#closeIfOver();
    }
    return { buffers, sent };
  }

  /** True when `nextFrame` has something to give. */
  get sendable(): boolean {
    if (this.#failure !== undefined) return false;
    if (this.#unopened) return true;
    return this.#unsentBytes > 0 ? this.#sendWindow > 0 : this.#ended === 'wanted';
  }

  /** The peer has accepted the stream. Called by the session. */
  acknowledge(): void {
    this.#acknowledged = true;
  }

  /** A data frame of `length` bytes begins. Throws `agent_protocol` when it is not allowed. Called by the session. */
  expectData(length: number): void {
    this.#acknowledged = true;
    if (length === 0) return;
    if (this.#peerEnded) throw violation('sent data on a stream after its end');
    if (length > this.#receiveWindow)
      throw violation('sent more data than its window allows', { length, window: this.#receiveWindow });
    this.#receiveWindow -= length;
    this.#incoming = length;
  }

  /** Bytes of the data frame that began last. Called by the session. */
  receive(bytes: Uint8Array): void {
    this.#incoming -= bytes.length;
    if (this.#failure !== undefined) return;
    this.#queue.push(bytes);
    this.onReadable();
  }

  /** The peer lets us send `delta` bytes more. Called by the session. */
  raiseSendWindow(delta: number): void {
    this.#acknowledged = true;
    this.#sendWindow += delta;
    if (this.#sendWindow > MAX_WINDOW)
      throw violation(`raised a window to ${this.#sendWindow} bytes; at most ${MAX_WINDOW} are allowed`);
    if (this.sendable) this.#owner.ready(this);
  }

  /** The peer ended its side. Called by the session. */
  peerEnded(): void {
    if (this.#peerEnded) throw violation('ended a stream twice');
    this.#peerEnded = true;
    this.#closeIfOver();
    this.onReadable();
  }

  /** The peer reset the stream. Called by the session. */
  peerReset(reason: BangerError): void {
    if (!this.#closed) this.#owner.closed(this, { awaitsPeer: false, windowLeft: 0 });
    this.#peerEnded = true;
    this.fail(reason);
  }

  get #closed(): boolean {
    return this.#peerEnded && this.#ended === 'sent';
  }

  #closeIfOver(): void {
    if (this.#closed) this.#owner.closed(this, { awaitsPeer: false, windowLeft: 0 });
  }

  #consumed(bytes: Uint8Array | undefined): Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    this.#credit += bytes.length;
    if (this.#credit >= CREDIT_AT && !this.#peerEnded && this.#failure === undefined) {
      this.#receiveWindow += this.#credit;
      this.#owner.control(encodeFrameHeader(FrameType.windowUpdate, 0, this.id, this.#credit));
      this.#credit = 0;
    }
    return bytes;
  }
}
