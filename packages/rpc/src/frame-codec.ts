import { Transform, type TransformCallback } from 'node:stream';
import { ProtocolFault } from './errors.ts';

/** One frame: what kind of bytes, and the bytes. */
export interface Frame {
  /** 0 to 255. */
  readonly kind: number;
  readonly payload: Buffer;
}

/** What both sides agree on; `kinds` are those that a decoder accepts. */
export interface FrameFormat {
  readonly kinds: ReadonlySet<number>;
  /** Largest payload of one frame. */
  readonly maxPayloadBytes: number;
}

/** kind (u8), length of the payload (u32, big-endian). */
const HEADER_BYTES = 5;

/** Up to this size a payload is copied behind its header: one write then costs less than two. */
const COPY_BYTES = 16 * 1024;

/** Frames that wait inside a codec before it holds its source back; with full frames, half a MiB. */
const QUEUED_FRAMES = 8;

/** Turns `Frame` objects into bytes. A payload over the cap becomes several frames of its kind. */
export class FrameEncoder extends Transform {
  readonly #maxPayloadBytes: number;

  constructor(format: FrameFormat) {
    super({ writableObjectMode: true, writableHighWaterMark: QUEUED_FRAMES });
    this.#maxPayloadBytes = format.maxPayloadBytes;
  }

  override _transform(frame: Frame, _encoding: BufferEncoding, done: TransformCallback): void {
    const { kind, payload } = frame;
    let offset = 0;
    do {
      const end = Math.min(offset + this.#maxPayloadBytes, payload.length);
      this.#push(kind, payload.subarray(offset, end));
      offset = end;
    } while (offset < payload.length);
    done();
  }

  #push(kind: number, payload: Buffer): void {
    const copied = payload.length <= COPY_BYTES;
    const head = Buffer.allocUnsafe(HEADER_BYTES + (copied ? payload.length : 0));
    head[0] = kind;
    head.writeUInt32BE(payload.length, 1);
    if (copied) payload.copy(head, HEADER_BYTES);
    this.push(head);
    if (!copied) this.push(payload);
  }
}

/**
 * Turns bytes into `Frame` objects. Fails with `ProtocolFault` on a kind or a length that the format does not allow,
 * and when the bytes end inside a frame. A payload that lies in one chunk is a view of it, not a copy.
 */
export class FrameDecoder extends Transform {
  readonly #format: FrameFormat;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  /** The payload being collected over several chunks. */
  #payload: Buffer | undefined;
  #payloadLength = 0;

  constructor(format: FrameFormat) {
    super({ readableObjectMode: true, readableHighWaterMark: QUEUED_FRAMES });
    this.#format = format;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      for (let offset = 0; offset < chunk.length;) offset = this.#take(chunk, offset);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    const whole = this.#headerLength === 0;
    done(whole ? null : new ProtocolFault('The stream ended inside a frame.'));
  }

  /** Takes what it can use of the chunk from `offset` on; returns the offset behind that. */
  #take(chunk: Buffer, offset: number): number {
    let at = offset;
    if (this.#headerLength < HEADER_BYTES) {
      const copied = chunk.copy(this.#header, this.#headerLength, at);
      this.#headerLength += copied;
      at += copied;
      if (this.#headerLength < HEADER_BYTES) return at;
      this.#check();
    }
    const length = this.#header.readUInt32BE(1);
    if (this.#payload === undefined) {
      if (chunk.length - at >= length) {
        this.#emit(chunk.subarray(at, at + length));
        return at + length;
      }
      // Nothing of it is here yet: the next chunk may hold it whole.
      if (at === chunk.length) return at;
      this.#payload = Buffer.allocUnsafe(length);
      this.#payloadLength = 0;
    }
    const copied = chunk.copy(this.#payload, this.#payloadLength, at);
    this.#payloadLength += copied;
    if (this.#payloadLength === length) this.#emit(this.#payload);
    return at + copied;
  }

  #check(): void {
    const kind = this.#header.readUInt8(0);
    const length = this.#header.readUInt32BE(1);
    if (!this.#format.kinds.has(kind)) throw new ProtocolFault(`A frame is of the unknown kind ${kind}.`);
    if (length > this.#format.maxPayloadBytes)
      throw new ProtocolFault(`A frame of ${length} bytes is over the limit.`);
  }

  #emit(payload: Buffer): void {
    this.#headerLength = 0;
    this.#payload = undefined;
    this.push({ kind: this.#header.readUInt8(0), payload } satisfies Frame);
  }
}
