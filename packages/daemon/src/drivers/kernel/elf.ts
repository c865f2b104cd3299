/** Numbers of the ELF-64 format (System V ABI, AMD64 supplement; elf(5)). */
const MAGIC = 0x464c457f;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const MACHINE_X86_64 = 62;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const NOTE_SEGMENT = 4;
const NO_BITS_SECTION = 8;

/** A note of a PT_NOTE segment. */
export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly description: Buffer;
}

/** An x86-64 ELF file in memory; every access is checked, because its bytes are not trusted. */
export class ElfFile {
  readonly #bytes: Buffer;

  /** Throws a plain Error that says why, when the bytes are no x86-64 ELF-64 file. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#bytes.length < HEADER_BYTES || this.#bytes.readUInt32LE(0) !== MAGIC)
      throw new Error('it is no ELF file');
    if (this.#bytes[4] !== CLASS_64 || this.#bytes[5] !== LITTLE_ENDIAN)
      throw new Error('it is no 64-bit ELF file');
    if (this.#bytes.readUInt16LE(18) !== MACHINE_X86_64) throw new Error('it is not for x86-64');
  }

  /** All notes of all note segments. */
  notes(): readonly ElfNote[] {
    const table = this.#offset(32);
    const count = this.#bytes.readUInt16LE(56);
    const notes: ElfNote[] = [];
    for (let i = 0; i < count; i += 1) {
      const header = this.#slice(table + i * PROGRAM_HEADER_BYTES, PROGRAM_HEADER_BYTES);
      if (header.readUInt32LE(0) !== NOTE_SEGMENT) continue;
      notes.push(...parseNotes(this.#slice(number(header, 8), number(header, 32))));
    }
    return notes;
  }

  /** Content of the section of that name, or undefined. */
  section(name: string): Buffer | undefined {
    const table = this.#offset(40);
    const count = this.#bytes.readUInt16LE(60);
    const namesIndex = this.#bytes.readUInt16LE(62);
    if (count === 0 || namesIndex >= count) return undefined;
    const header = (index: number): Buffer =>
      this.#slice(table + index * SECTION_HEADER_BYTES, SECTION_HEADER_BYTES);
    const content = (of: Buffer): Buffer => this.#slice(number(of, 24), number(of, 32));
    const names = content(header(namesIndex));
    for (let i = 0; i < count; i += 1) {
      const current = header(i);
      if (cString(names, current.readUInt32LE(0)) !== name) continue;
      return current.readUInt32LE(4) === NO_BITS_SECTION ? Buffer.alloc(0) : content(current);
    }
    return undefined;
  }

  #offset(at: number): number {
    return number(this.#bytes, at);
  }

  #slice(start: number, length: number): Buffer {
    if (start > this.#bytes.length || length > this.#bytes.length - start) throw new Error('it is cut short');
    return this.#bytes.subarray(start, start + length);
  }
}

/** Notes are name size, description size, type, then both, each padded to four bytes. */
function parseNotes(bytes: Buffer): readonly ElfNote[] {
  const notes: ElfNote[] = [];
  for (let at = 0; bytes.length - at >= 12;) {
    const nameBytes = bytes.readUInt32LE(at);
    const descriptionBytes = bytes.readUInt32LE(at + 4);
    const description = at + 12 + padded(nameBytes);
    if (description + descriptionBytes > bytes.length) throw new Error('a note reaches past its segment');
    notes.push({
      name: cString(bytes.subarray(at + 12, at + 12 + nameBytes), 0),
      type: bytes.readUInt32LE(at + 8),
      description: bytes.subarray(description, description + descriptionBytes),
    });
    at = description + padded(descriptionBytes);
  }
  return notes;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function number(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('it has an absurd size or offset');
  return Number(value);
}

function cString(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, end === -1 ? bytes.length : end);
}
