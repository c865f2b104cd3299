import { toBangerError, type BangerError } from '@banger/contract/error';
import { FieldReader } from './fields.ts';
import { MAX_CONFIGURE_BYTES, MAX_EXEC_BYTES, MAX_MESSAGE_BYTES, MAX_RAW_BYTES } from './limits.ts';
import { isRaw, MessageType } from './message-types.ts';
import type { MuxStream } from './mux-stream.ts';
import { violation } from './violation.ts';

/** Type (u16) and length (u32) before each payload. */
const MESSAGE_HEADER_BYTES = 6;

/** The head of a message. */
export interface MessageHead {
  readonly type: number;
  readonly length: number;
}

/** A whole message. */
export interface Message {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** The longest payload that a message of this type may have. */
export function maxPayload(type: number): number {
  if (type === MessageType.configure) return MAX_CONFIGURE_BYTES;
  if (type === MessageType.exec) return MAX_EXEC_BYTES;
  return isRaw(type) ? MAX_RAW_BYTES : MAX_MESSAGE_BYTES;
}

/** Cuts raw bytes into messages, without copying them: the parts to be sent, heads and slices in turn. */
function rawMessages(type: number, bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += MAX_RAW_BYTES) {
    const slice = bytes.subarray(at, at + MAX_RAW_BYTES);
    parts.push(encodeHead(type, slice.length), slice);
  }
  return parts;
}

/** Messages on one stream, to be read by pulling: what is not asked for stays in the stream's window. */
export class MessageStream {
  readonly #stream: MuxStream;
  readonly #violate: (error: BangerError) => void;
  #head: MessageHead | undefined;
  #left = 0;
  #gathered: Uint8Array[] = [];

  /** `violate` ends the session; called with each violation found on this stream. */
  constructor(stream: MuxStream, violate: (error: BangerError) => void) {
    this.#stream = stream;
    this.#violate = violate;
  }

  /** Called whenever there may be more to read, or the stream has failed. */
  set onReadable(callback: () => void) {
    this.#stream.onReadable = callback;
  }

  /** Why nothing more will come. What came before can still be read. */
  get failure(): BangerError | undefined {
    return this.#stream.failure;
  }

  /** True when the peer has ended its side and all of it was read. */
  get ended(): boolean {
    return this.#stream.drained;
  }

  /** Queues a message whose payload is small or fields. */
  send(type: number, payload: Uint8Array, sent?: () => void): void {
    this.#stream.write(
      payload.length === 0 ? [encodeHead(type, 0)] : [encodeHead(type, payload.length), payload],
      sent,
    );
  }

  /** Queues raw bytes as messages; they must not be changed afterwards. `sent` tells that the transport has them. */
  sendRaw(type: number, bytes: Uint8Array, sent: () => void): void {
    if (bytes.length === 0) sent();
    else this.#stream.write(rawMessages(type, bytes), sent);
  }

  /** Tells the agent that no more is sent. */
  end(): void {
    this.#stream.end();
  }

  /** Gives the stream up, in both directions. */
  reset(reason: BangerError): void {
    this.#stream.reset(reason);
  }

  /** Says that nothing more is wanted of a request that was answered. */
  release(reason: BangerError): void {
    this.#stream.release(reason);
  }

  /** The head of the current message; undefined while it is not whole. Throws `agent_protocol` when it is too long. */
  head(): MessageHead | undefined {
    if (this.#head !== undefined) return this.#head;
    const bytes = this.#stream.takeExactly(MESSAGE_HEADER_BYTES);
    if (bytes === undefined) return undefined;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const head = { type: view.readUInt16BE(0), length: view.readUInt32BE(2) };
    const max = maxPayload(head.type);
    if (head.length > max)
      throw this.refuse(violation(`sent a message of ${head.length} bytes; at most ${max} are allowed`));
    this.#head = head;
    this.#left = head.length;
    return head;
  }

  /** The next part of the current message's payload; undefined while there is none, and at its end. */
  part(): Uint8Array | undefined {
    if (this.#head === undefined) return undefined;
    const part = this.#left === 0 ? undefined : this.#stream.take(this.#left);
    this.#left -= part?.length ?? 0;
    if (this.#left === 0) this.#head = undefined;
    return part;
  }

  /** The whole payload of the current message, of which no part was taken; undefined while it is not whole. */
  payload(): Uint8Array | undefined {
    if (this.#head === undefined) return undefined;
    const whole =
      this.#head.length <= MAX_MESSAGE_BYTES ? this.#stream.takeExactly(this.#left) : this.#gather();
    if (whole === undefined) return undefined;
    this.#head = undefined;
    this.#left = 0;
    return whole;
  }

  /** Waits for the next whole message. Rejects with why none comes; an end of the stream is a violation. */
  next(): Promise<Message> {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const look = (): void => {
      try {
        const head = this.head();
        const payload = this.payload();
        if (head !== undefined && payload !== undefined) resolve({ type: head.type, payload });
        else if (this.failure !== undefined) reject(this.failure);
        else if (this.ended) reject(this.refuse(violation('ended a request without its answer')));
        else return;
      } catch (error) {
        reject(toBangerError(error));
      }
      // What comes after belongs to whoever asks next.
      this.#stream.onReadable = () => undefined;
    };
    this.#stream.onReadable = look;
    look();
    return promise;
  }

  /** Reads fields of a payload; one of the wrong shape ends the session. */
  fields<T>(payload: Uint8Array, where: string, read: (fields: FieldReader) => T): T {
    try {
      return read(new FieldReader(payload, where));
    } catch (error) {
      throw this.refuse(toBangerError(error));
    }
  }

  /** Ends the session because of what was received, and gives the error to throw. */
  refuse(error: BangerError): BangerError {
    this.#violate(error);
    return error;
  }

  /** Takes parts of a payload that may be longer than the window, which opens only as parts are taken. */
  #gather(): Uint8Array | undefined {
    for (;;) {
      if (this.#left === 0) {
        const whole = Buffer.concat(this.#gathered);
        this.#gathered = [];
        return whole;
      }
      const part = this.#stream.take(this.#left);
      if (part === undefined) return undefined;
      this.#left -= part.length;
      this.#gathered.push(part);
    }
  }
}

function encodeHead(type: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES);
  head.writeUInt16BE(type, 0);
  head.writeUInt32BE(length, 2);
  return head;
}
