import { BangerError } from '@banger/contract/error';
import { violation } from './violation.ts';
import { guestText, wireBytes } from './wire-text.ts';

/** Tag (u16) and length (u32) before each field's bytes. */
const FIELD_HEADER_BYTES = 6;

/** Builds the fields of a message, in the order of the calls. */
export class FieldWriter {
  #parts: Uint8Array[] = [];
  #length = 0;

  bytes(tag: number, value: Uint8Array): this {
    const header = Buffer.allocUnsafe(FIELD_HEADER_BYTES);
    header.writeUInt16BE(tag, 0);
    header.writeUInt32BE(value.length, 2);
    this.#parts.push(header, value);
    this.#length += FIELD_HEADER_BYTES + value.length;
    return this;
  }

  u8(tag: number, value: number): this {
    return this.bytes(tag, Uint8Array.of(value));
  }

  u16(tag: number, value: number): this {
    const bytes = Buffer.allocUnsafe(2);
    bytes.writeUInt16BE(value);
    return this.bytes(tag, bytes);
  }

  u32(tag: number, value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    return this.bytes(tag, bytes);
  }

  u64(tag: number, value: bigint): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64BE(value);
    return this.bytes(tag, bytes);
  }

  /** A text; `what` names it in the error for one that cannot be sent. */
  text(tag: number, value: string, what: string): this {
    return this.bytes(tag, wireBytes(value, what));
  }

  /** A field that says all by being there. */
  flag(tag: number): this {
    return this.bytes(tag, new Uint8Array(0));
  }

  /** Fields in a field. */
  nested(tag: number, fields: FieldWriter): this {
    return this.bytes(tag, fields.encode());
  }

  encode(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }
}

/** The fields of a message from the guest. Reading one of the wrong shape throws `agent_protocol`, naming `where`. */
export class FieldReader {
  readonly #fields = new Map<number, Uint8Array[]>();
  readonly #where: string;

  /** Throws `agent_protocol` when the payload is not a sequence of whole fields. */
  constructor(payload: Uint8Array, where: string) {
    this.#where = where;
    const view = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    let at = 0;
    while (at < view.length) {
      if (view.length - at < FIELD_HEADER_BYTES) throw violation(`cut off a field of ${where}`);
      const tag = view.readUInt16BE(at);
      const length = view.readUInt32BE(at + 2);
      at += FIELD_HEADER_BYTES;
      if (length > view.length - at)
        throw violation(`sent a field of ${where} that is longer than its message`, { tag, length });
      const bytes = view.subarray(at, at + length);
      at += length;
      const others = this.#fields.get(tag);
      if (others === undefined) this.#fields.set(tag, [bytes]);
      else others.push(bytes);
    }
  }

  has(tag: number): boolean {
    return this.#fields.has(tag);
  }

  /** All fields of a tag that may repeat, at most `max` of them. */
  list(tag: number, max: number): readonly Uint8Array[] {
    const all = this.#fields.get(tag) ?? [];
    if (all.length > max)
      throw violation(`sent ${all.length} entries in ${this.#where}; at most ${max} are allowed`);
    return all;
  }

  /** All fields of a tag that hold fields themselves. */
  nested(tag: number, max: number): readonly FieldReader[] {
    return this.list(tag, max).map((bytes) => new FieldReader(bytes, this.#where));
  }

  /** The bytes of a field that may be there once. */
  bytes(tag: number): Uint8Array | undefined {
    const all = this.#fields.get(tag);
    if (all !== undefined && all.length > 1) throw violation(`repeated field ${tag} of ${this.#where}`);
    return all?.[0];
  }

  /** An unsigned integer of 1, 2, 4 or 8 bytes. */
  integer(tag: number): bigint | undefined {
    const bytes = this.bytes(tag);
    if (bytes === undefined) return undefined;
    if (![1, 2, 4, 8].includes(bytes.length))
      throw violation(`sent field ${tag} of ${this.#where} as an integer of ${bytes.length} bytes`);
    return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** An integer that a number holds exactly. */
  number(tag: number): number | undefined {
    const value = this.integer(tag);
    if (value === undefined) return undefined;
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw violation(`sent an absurd value for field ${tag} of ${this.#where}`);
    return Number(value);
  }

  /** Text, made fit to be printed (`guestText`). */
  text(tag: number): string | undefined {
    const bytes = this.bytes(tag);
    return bytes === undefined ? undefined : guestText(bytes);
  }

  /** A field that must be there: the value of one of the readers above. */
  required<T>(value: T | undefined, name: string): T {
    if (value === undefined) throw violation(`left out ${name} in ${this.#where}`);
    return value;
  }
}

/** Throws `invalid_argument` when a request is longer than the protocol allows. */
export function checkRequestSize(bytes: Uint8Array, max: number, what: string): void {
  if (bytes.length > max)
    throw new BangerError(
      'invalid_argument',
      `The ${what} has ${bytes.length} bytes; at most ${max} can be sent.`,
    );
}
