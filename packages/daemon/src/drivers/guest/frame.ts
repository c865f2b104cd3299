import { MAX_FRAME_BYTES } from './limits.ts';
import { violation } from './violation.ts';

/** Length of a yamux frame's header (hashicorp/yamux, spec.md). */
const FRAME_HEADER_BYTES = 12;

/** Frame types. */
export const FrameType = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const;

/** Frame flags, a bit each. */
export const FrameFlag = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

/** Codes of a go-away frame. */
export const GoAway = { normal: 0, protocolError: 1, internalError: 2 } as const;

const ALL_FLAGS = FrameFlag.syn | FrameFlag.ack | FrameFlag.fin | FrameFlag.rst;
const VERSION = 0;

/** A frame's header; `length` is the payload's for data, else a value (window delta, ping id, go-away code). */
export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly length: number;
}

/** A frame's header as bytes; the payload of a data frame follows it. */
export function encodeFrameHeader(type: number, flags: number, streamId: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header[0] = VERSION;
  header[1] = type;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt32BE(length, 8);
  return header;
}

/** What a parser tells of. Both may throw `agent_protocol`, which ends the parsing. */
export interface FrameHandler {
  /** A frame begins; all of it for every type but data. */
  frame(header: FrameHeader): void;
  /** The next part of the payload of the data frame that began last; a view on the received buffer. */
  payload(part: Uint8Array): void;
}

/**
 * Cuts received bytes, however they are chunked, into frames. Holds at most one header: payloads are handed on as they
 * come. `push` throws `agent_protocol` for a wrong version, an unknown type or flag, and a data frame over the limit.
 */
export class FrameParser {
  readonly #handler: FrameHandler;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #payloadLeft = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** True when the next byte begins a frame. */
  get atBoundary(): boolean {
    return this.#headerFilled === 0 && this.#payloadLeft === 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const part = chunk.subarray(at, at + this.#payloadLeft);
        at += part.length;
        this.#payloadLeft -= part.length;
        this.#handler.payload(part);
      } else if (this.#headerFilled === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
        this.#begin(chunk, at);
        at += FRAME_HEADER_BYTES;
      } else {
        const copied = chunk.copy(this.#header, this.#headerFilled, at);
        at += copied;
        this.#headerFilled += copied;
        if (this.#headerFilled === FRAME_HEADER_BYTES) {
          this.#headerFilled = 0;
          this.#begin(this.#header, 0);
        }
      }
    }
  }

  #begin(source: Buffer, at: number): void {
    const version = source.readUInt8(at);
    if (version !== VERSION) throw violation(`sent a frame of version ${version}`);
    const header = {
      type: source.readUInt8(at + 1),
      flags: source.readUInt16BE(at + 2),
      streamId: source.readUInt32BE(at + 4),
      length: source.readUInt32BE(at + 8),
    };
    if (header.type > FrameType.goAway) throw violation(`sent a frame of the unknown type ${header.type}`);
    if ((header.flags & ~ALL_FLAGS) !== 0)
      throw violation(`sent a frame with the unknown flags ${header.flags}`);
    if (header.type === FrameType.data) {
      if (header.length > MAX_FRAME_BYTES)
        throw violation(`sent a frame of ${header.length} bytes; at most ${MAX_FRAME_BYTES} are allowed`);
      this.#payloadLeft = header.length;
    }
    this.#handler.frame(header);
  }
}
