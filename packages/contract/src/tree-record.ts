import { BangerError } from './error.ts';
import { rawBytes, rawText } from './raw-text.ts';

/** Kinds of records in a tree stream (guest/PROTOCOL.md, tree streams), which are frames as those of a byte stream. No zod here. */
export const recordKind = { directory: 1, file: 2, link: 3, content: 4, end: 5, skip: 6 } as const;

/** Bytes of content in one record. */
export const MAX_RECORD_BYTES = 65_536;
/** Directories in each other: each is an open descriptor on both sides. */
export const MAX_TREE_DEPTH = 256;
/** NAME_MAX and PATH_MAX of Linux, the latter without its NUL; bytes. */
const MAX_NAME_BYTES = 255;
const MAX_TARGET_BYTES = 4095;
const MAX_SKIP_TEXT_BYTES = 512;

/** Mode, mtime (seconds, nanoseconds), size, length of the name. */
const ENTRY_BYTES = 26;
/** Reason, length of the name. */
const SKIP_BYTES = 3;
const MAX_MODE = 0o777;
const NS = 1_000_000_000n;
const skipReasons = { special: 1, unreadable: 2 } as const;

/** What is said of a file, directory or link. */
export interface TreeEntry {
  /** Raw text (raw-text.ts); empty for the root of the tree. */
  readonly name: string;
  /** Permission bits alone. */
  readonly mode: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** Bytes, as the sender expects; the content may be more or less. */
  readonly size: number;
}

/** One step of a walk through a tree. */
export type TreeRecord =
  | ({ readonly kind: 'directory' } & TreeEntry)
  | ({ readonly kind: 'file' } & TreeEntry)
  | ({ readonly kind: 'link'; readonly target: string } & TreeEntry)
  /** Bytes of the file that began last. */
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** Of the file or directory that began last. */
  | { readonly kind: 'end' }
  /**
   * Something is not in the tree: `special` is no file, directory or link. Without a name, the file that began last is not whole and
   * is not to be kept, or the rest of the directory is missing.
   */
  | {
      readonly kind: 'skip';
      readonly reason: keyof typeof skipReasons;
      readonly name: string;
      readonly text: string;
    };

/** A record on the wire. */
export interface RecordFrame {
  readonly kind: number;
  readonly payload: Buffer;
}

const EMPTY = Buffer.alloc(0);

/** A record as a frame. Throws `invalid_argument` for one that cannot be sent. */
export function encodeRecord(record: TreeRecord): RecordFrame {
  const kind = recordKind[record.kind];
  switch (record.kind) {
    case 'content':
      return { kind, payload: viewOf(record.bytes) };
    case 'end':
      return { kind, payload: EMPTY };
    case 'skip': {
      const head = Buffer.alloc(SKIP_BYTES);
      const name = rawBytes(record.name);
      head.writeUInt8(skipReasons[record.reason]);
      head.writeUInt16BE(name.length, 1);
      const text = Buffer.from(record.text).subarray(0, MAX_SKIP_TEXT_BYTES);
      return { kind, payload: Buffer.concat([head, name, text]) };
    }
    case 'directory':
    case 'file':
    case 'link':
    default:
      return { kind, payload: encodeEntry(record, record.kind === 'link' ? rawBytes(record.target) : EMPTY) };
  }
}

function encodeEntry({ name, mode, mtimeNs, size }: TreeEntry, target: Uint8Array): Buffer {
  const head = Buffer.alloc(ENTRY_BYTES);
  const bytes = rawBytes(name);
  const nanoseconds = ((mtimeNs % NS) + NS) % NS;
  head.writeUInt32BE(mode & MAX_MODE);
  head.writeBigInt64BE((mtimeNs - nanoseconds) / NS, 4);
  head.writeUInt32BE(Number(nanoseconds), 12);
  head.writeBigUInt64BE(BigInt(size), 16);
  head.writeUInt16BE(bytes.length, 24);
  return Buffer.concat([head, bytes, target]);
}

/**
 * Reads the records of one tree, which come from somebody who may lie: what it lets through is a tree, whose names lead nowhere else.
 * Throws `agent_protocol`.
 */
export class TreeReader {
  #depth = 0;
  #inFile = false;
  #over = false;

  /** True when the root has ended: the stream is whole. */
  get over(): boolean {
    return this.#over;
  }

  /** The next record. */
  read({ kind, payload }: RecordFrame): TreeRecord {
    if (this.#over) throw wrong('more than one tree');
    switch (kind) {
      case recordKind.directory: {
        const entry = this.#entry(payload, false);
        if (this.#depth === MAX_TREE_DEPTH) throw wrong('too many directories in each other');
        this.#depth += 1;
        return { kind: 'directory', ...entry };
      }
      case recordKind.file: {
        const entry = this.#entry(payload, false);
        this.#inFile = true;
        return { kind: 'file', ...entry };
      }
      case recordKind.link: {
        const entry = this.#entry(payload, true);
        this.#over = this.#depth === 0;
        return { kind: 'link', ...entry };
      }
      case recordKind.content:
        if (!this.#inFile) throw wrong('content of no file');
        if (payload.length === 0 || payload.length > MAX_RECORD_BYTES)
          throw wrong(`content of ${payload.length} bytes in one record`);
        return { kind: 'content', bytes: payload };
      case recordKind.end:
        if (payload.length > 0) throw wrong('an end that says more');
        this.#end();
        return { kind: 'end' };
      case recordKind.skip:
        return this.#skip(payload);
      default:
        throw wrong(`a record of the unknown kind ${kind}`);
    }
  }

  #end(): void {
    if (!this.#inFile) {
      if (this.#depth === 0) throw wrong('an end of nothing');
      this.#depth -= 1;
    }
    this.#inFile = false;
    this.#over = this.#depth === 0;
  }

  #entry(payload: Buffer, isLink: boolean): TreeEntry & { readonly target: string } {
    if (this.#inFile) throw wrong('an entry within a file');
    if (payload.length < ENTRY_BYTES) throw wrong('an entry that is too short');
    const [mode, nanoseconds] = [payload.readUInt32BE(0), payload.readUInt32BE(12)];
    const nameEnd = ENTRY_BYTES + payload.readUInt16BE(24);
    if (nameEnd > payload.length) throw wrong('a name that is cut off');
    const [name, target] = [payload.subarray(ENTRY_BYTES, nameEnd), payload.subarray(nameEnd)];
    if (mode > MAX_MODE) throw wrong('a mode that is more than permissions');
    if (nanoseconds >= NS) throw wrong('a time that cannot be');
    if (this.#depth === 0 ? name.length > 0 : !isComponent(name)) throw wrong('a name that cannot be');
    if (isLink ? !isTarget(target) : target.length > 0) throw wrong('a target that cannot be');
    return {
      name: rawText(name),
      target: rawText(target),
      mode,
      mtimeNs: payload.readBigInt64BE(4) * NS + BigInt(nanoseconds),
      size: Number(payload.readBigUInt64BE(16)),
    };
  }

  #skip(payload: Buffer): TreeRecord {
    const reason = payload.length < SKIP_BYTES ? 0 : payload.readUInt8(0);
    const nameEnd = payload.length < SKIP_BYTES ? 0 : SKIP_BYTES + payload.readUInt16BE(1);
    const name = payload.subarray(SKIP_BYTES, nameEnd);
    const text = payload.subarray(nameEnd);
    const cannotBe =
      (reason !== skipReasons.special && reason !== skipReasons.unreadable) ||
      nameEnd > payload.length ||
      name.length > MAX_NAME_BYTES ||
      text.length > MAX_SKIP_TEXT_BYTES;
    if (cannotBe) throw wrong('a skip that cannot be');
    if (this.#inFile) this.#end();
    else if (this.#depth === 0) throw wrong('a skip of nothing');
    return {
      kind: 'skip',
      reason: reason === skipReasons.special ? 'special' : 'unreadable',
      name: rawText(name),
      text: rawText(text),
    };
  }
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** One component of a path that names something below a directory, and nothing else. */
function isComponent(name: Buffer): boolean {
  const dots = name.equals(Buffer.from('.')) || name.equals(Buffer.from('..'));
  return (
    name.length > 0 && name.length <= MAX_NAME_BYTES && !dots && !name.includes('/') && !name.includes(0)
  );
}

function isTarget(target: Buffer): boolean {
  return target.length > 0 && target.length <= MAX_TARGET_BYTES && !target.includes(0);
}

function wrong(what: string): BangerError {
  return new BangerError('agent_protocol', `The tree that was sent has ${what}.`);
}
