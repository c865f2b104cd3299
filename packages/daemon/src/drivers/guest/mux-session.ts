import type { Duplex } from 'node:stream';
import { BangerError, isBangerError } from '@banger/contract/error';
import { encodeFrameHeader, FrameFlag, FrameParser, FrameType, GoAway, type FrameHeader } from './frame.ts';
import { IdleFrameBudget } from './idle-frame-budget.ts';
import { INITIAL_WINDOW, MAX_CLOSING_STREAMS, MAX_STREAMS, MAX_UNSENT_BYTES } from './limits.ts';
import { MuxStream, type StreamOwner } from './mux-stream.ts';
import { violation } from './violation.ts';

/** Time for a go-away to leave before the transport is destroyed; a peer that reads takes it at once. */
const GO_AWAY_GRACE_MS = 200;

/** How a session is set up. */
export interface MuxOptions {
  /** Given on the agent's side alone: gets the streams that the host opens. Without it, a peer that opens one is wrong. */
  readonly accept?: (stream: MuxStream) => void;
}

/**
 * A yamux session (hashicorp/yamux, spec.md; limits of guest/PROTOCOL.md) on a transport that is past its handshake. The caller
 * hands received bytes to `receive`; the session writes to the transport and ends it.
 */
export class MuxSession {
  /** Why the session ended; undefined when `close` ended it. Never rejects. */
  readonly closed: Promise<BangerError | undefined>;
  readonly #settle: (reason: BangerError | undefined) => void;
  readonly #transport: Duplex;
  readonly #accept: ((stream: MuxStream) => void) | undefined;
  readonly #parser: FrameParser;
  readonly #idle = new IdleFrameBudget();
  readonly #streams = new Map<number, MuxStream>();
  /** Streams that only the peer has still to end, with what it may send on them. */
  readonly #closing = new Map<number, number>();
  readonly #ready = new Set<MuxStream>();
  readonly #pings = new Map<number, () => void>();
  readonly #owner: StreamOwner;
  #receiving: MuxStream | undefined;
  #lastId = -1;
  #nextPing = 0;
  #over = false;
  #pumpScheduled = false;

  constructor(transport: Duplex, options: MuxOptions = {}) {
    const { promise, resolve } = Promise.withResolvers<BangerError | undefined>();
    this.closed = promise;
    this.#settle = resolve;
    this.#transport = transport;
    this.#accept = options.accept;
    this.#parser = new FrameParser({
      frame: (header) => this.#frame(header),
      payload: (part) => this.#receiving?.receive(part),
    });
    this.#owner = {
      control: (frame) => this.#control(frame),
      ready: (stream) => this.#enqueue(stream),
      closed: (stream, { awaitsPeer, windowLeft }) =>
        this.#forget(stream, awaitsPeer ? windowLeft : undefined),
    };
    transport.on('drain', () => this.#pump());
    transport.on('error', (cause: Error) =>
      this.#lost(`The channel to the guest failed: ${cause.message}.`, cause),
    );
    transport.on('close', () => this.#lost('The channel to the guest ended.'));
  }

  /** Opens a stream; the SYN rides on its first data. Throws `agent_limit` when too many are open, or why the session ended. */
  open(): MuxStream {
    if (this.#over) throw new BangerError('agent_lost', 'The channel to the guest has ended.');
    if (this.#streams.size >= MAX_STREAMS)
      throw new BangerError(
        'agent_limit',
        `The VM is busy with ${MAX_STREAMS} requests; no more fit in its channel.`,
      );
    this.#lastId += 2;
    const stream = new MuxStream(this.#lastId, this.#owner, true);
    this.#streams.set(stream.id, stream);
    return stream;
  }

  /** Hands in received bytes; a violation of the protocol ends the session. */
  receive(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.fail(isBangerError(error) ? error : new BangerError('internal', String(error), { cause: error }));
    }
  }

  /** Resolves when the peer has answered a ping; never when the session ends first. */
  ping(): Promise<void> {
    this.#nextPing = (this.#nextPing + 1) >>> 0;
    const id = this.#nextPing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pings.set(id, resolve);
    this.#control(encodeFrameHeader(FrameType.ping, FrameFlag.syn, 0, id));
    return promise;
  }

  /** Ends the session because of an error: every stream fails with it. A go-away tells the peer of a violation. */
  fail(reason: BangerError): void {
    this.#end(reason, goAwayCode(reason));
  }

  /** Ends the session; every stream fails with `agent_lost`. */
  close(): void {
    this.#end(undefined, GoAway.normal);
  }

  #lost(message: string, cause?: Error): void {
    this.#end(new BangerError('agent_lost', message, cause === undefined ? {} : { cause }), undefined);
  }

  #end(reason: BangerError | undefined, goAway: number | undefined): void {
    if (this.#over) return;
    if (goAway !== undefined && this.#transport.writable)
      this.#transport.end(encodeFrameHeader(FrameType.goAway, 0, 0, goAway));
    this.#over = true;
    const grace = setTimeout(() => this.#transport.destroy(), GO_AWAY_GRACE_MS);
    grace.unref();
    this.#transport.once('finish', () => this.#transport.destroy());
    const failure = reason ?? new BangerError('agent_lost', 'The channel to the guest was closed.');
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#ready.clear();
    this.#closing.clear();
    for (const stream of streams) stream.fail(failure);
    this.#settle(reason);
  }

  #frame(header: FrameHeader): void {
    this.#receiving = undefined;
    if (header.type === FrameType.ping) this.#pinged(header);
    else if (header.type === FrameType.goAway) this.#goneAway(header);
    else this.#streamFrame(header);
  }

  #pinged({ flags, streamId, length }: FrameHeader): void {
    this.#idle.spend();
    if (streamId !== 0) throw violation('sent a ping on a stream');
    if ((flags & FrameFlag.syn) !== 0)
      this.#control(encodeFrameHeader(FrameType.ping, FrameFlag.ack, 0, length));
    else if ((flags & FrameFlag.ack) !== 0) {
      this.#pings.get(length)?.();
      this.#pings.delete(length);
    }
  }

  #goneAway({ streamId, length }: FrameHeader): void {
    if (streamId !== 0) throw violation('sent a go-away on a stream');
    if (length === GoAway.protocolError) throw violation('says that the host broke the protocol');
    throw new BangerError('agent_lost', `The guest agent ended the session (code ${length}).`);
  }

  #streamFrame(header: FrameHeader): void {
    const { type, flags, streamId, length } = header;
    if (streamId === 0) throw violation('sent data on stream 0');
    if ((flags & FrameFlag.syn) !== 0) this.#accepted(streamId);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#lateFrame(header);
      return;
    }
    const ends = (flags & (FrameFlag.fin | FrameFlag.rst)) !== 0;
    const accepts = (flags & FrameFlag.ack) !== 0 && !stream.acknowledged;
    if (length === 0 && !ends && !accepts) this.#idle.spend();
    if (accepts) stream.acknowledge();
    if (type === FrameType.data) {
      stream.expectData(length);
      this.#receiving = stream;
    } else if (length > 0) stream.raiseSendWindow(length);
    if ((flags & FrameFlag.rst) !== 0) stream.peerReset(refused(stream.acknowledged));
    else if ((flags & FrameFlag.fin) !== 0) stream.peerEnded();
  }

  /** A frame for a stream that is not open: never opened, or closed a moment ago. */
  #lateFrame({ type, flags, streamId, length }: FrameHeader): void {
    if (streamId % 2 === 0 || streamId > this.#lastId)
      throw violation('sent a frame for a stream never opened');
    const window = this.#closing.get(streamId);
    if (type === FrameType.data && length > 0) {
      if (window === undefined) throw violation('sent data on a closed stream');
      if (length > window) throw violation('sent more data than the window of a closed stream allowed');
      this.#closing.set(streamId, window - length);
    }
    const ends = (flags & (FrameFlag.fin | FrameFlag.rst)) !== 0;
    const awaited = ends && this.#closing.delete(streamId);
    if (!awaited && (type !== FrameType.data || length === 0)) this.#idle.spend();
  }

  #accepted(streamId: number): void {
    if (this.#accept === undefined) throw violation('opened a stream');
    if (streamId % 2 === 0 || streamId <= this.#lastId)
      throw violation(`opened a stream with the id ${streamId}`);
    this.#lastId = streamId;
    if (this.#streams.size >= MAX_STREAMS) {
      this.#control(encodeFrameHeader(FrameType.windowUpdate, FrameFlag.rst, streamId, 0));
      this.#closing.set(streamId, INITIAL_WINDOW);
      return;
    }
    const stream = new MuxStream(streamId, this.#owner, false);
    this.#streams.set(streamId, stream);
    this.#control(encodeFrameHeader(FrameType.windowUpdate, FrameFlag.ack, streamId, 0));
    this.#accept(stream);
  }

  #forget(stream: MuxStream, windowLeft: number | undefined): void {
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
    if (windowLeft === undefined) return;
    this.#closing.set(stream.id, windowLeft);
    if (this.#closing.size <= MAX_CLOSING_STREAMS) return;
    for (const oldest of this.#closing.keys()) {
      this.#closing.delete(oldest);
      break;
    }
  }

  #control(frame: Uint8Array): void {
    if (this.#over) return;
    this.#transport.write(frame);
    if (this.#transport.writableLength > MAX_UNSENT_BYTES)
      this.fail(new BangerError('agent_lost', 'The guest does not read its channel any more.'));
  }

  #enqueue(stream: MuxStream): void {
    if (this.#over) return;
    this.#ready.add(stream);
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  /** Sends a frame of each stream in turn until the transport is full; its drain event calls again. */
  #pump(): void {
    if (this.#over || this.#ready.size === 0) return;
    const sent: (() => void)[] = [];
    this.#transport.cork();
    for (const stream of this.#ready) {
      if (this.#transport.writableNeedDrain) break;
      this.#ready.delete(stream);
      const frame = stream.nextFrame();
      if (frame === undefined) continue;
      for (const bytes of frame.buffers) this.#transport.write(bytes);
      sent.push(...frame.sent);
      // Added at the end: a Set is walked in the order of insertion, and what is added meanwhile too.
      if (stream.sendable) this.#ready.add(stream);
    }
    this.#transport.uncork();
    for (const done of sent) done();
  }
}

function goAwayCode(reason: BangerError): number {
  if (reason.code === 'agent_protocol') return GoAway.protocolError;
  return reason.code === 'internal' ? GoAway.internalError : GoAway.normal;
}

/** A reset before the acknowledgement is how the agent refuses a stream over its limit. */
function refused(acknowledged: boolean): BangerError {
  return acknowledged
    ? new BangerError('guest_failed', 'The guest agent gave up the request.')
    : new BangerError('agent_limit', 'The guest agent has no room for another request.');
}
