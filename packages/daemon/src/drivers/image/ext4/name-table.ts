import { randomBytes } from 'node:crypto';
import type { BytePool } from './byte-pool.ts';
import { grown } from './column.ts';

const START = 1024;
const EMPTY = 0;

/**
 * The names of all directories: which inode a name is in a directory. Kept as columns of numbers, so that a million names take some tens
 * of megabytes. They are found by a hash with a secret of this process: names chosen by an enemy cannot be made to collide.
 */
export class NameTable {
  readonly #secret = randomBytes(4).readInt32LE();
  readonly #pool: BytePool;
  #count = 0;
  #parents = new Uint32Array(START);
  #inodes = new Uint32Array(START);
  #names = new Uint32Array(START);
  #lengths = new Uint8Array(START);
  #hashes = new Int32Array(START);
  /** Numbers of names, from 1; at most half of the slots are taken. */
  #slots = new Uint32Array(2 * START);

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  get count(): number {
    return this.#count;
  }

  /** The inode of the name `bytes[from, to)` in a directory, 0 when there is none. */
  find(parent: number, bytes: Buffer, from: number, to: number): number {
    const hash = this.#hash(parent, bytes, from, to);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? EMPTY;
      if (entry === EMPTY) return 0;
      if (this.#hashes[entry - 1] !== hash || this.#parents[entry - 1] !== parent) continue;
      if (this.#equals(entry - 1, bytes, from, to)) return this.#inodes[entry - 1] ?? 0;
    }
  }

  /** Adds a name that is not there yet. */
  add(parent: number, bytes: Buffer, from: number, to: number, inode: number): void {
    if (this.#count === this.#inodes.length) this.#grow();
    const entry = this.#count;
    this.#count += 1;
    this.#parents[entry] = parent;
    this.#inodes[entry] = inode;
    this.#names[entry] = this.#pool.add(bytes, from, to);
    this.#lengths[entry] = to - from;
    this.#hashes[entry] = this.#hash(parent, bytes, from, to);
    this.#link(entry);
  }

  parent(entry: number): number {
    return this.#parents[entry] ?? 0;
  }

  inode(entry: number): number {
    return this.#inodes[entry] ?? 0;
  }

  nameLength(entry: number): number {
    return this.#lengths[entry] ?? 0;
  }

  name(entry: number): Buffer {
    return this.#pool.get(this.#names[entry] ?? 0, this.nameLength(entry));
  }

  #link(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#hashes[entry] ?? 0) & mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    this.#parents = grown(this.#parents);
    this.#inodes = grown(this.#inodes);
    this.#names = grown(this.#names);
    this.#lengths = grown(this.#lengths);
    this.#hashes = grown(this.#hashes);
    if (this.#inodes.length * 2 <= this.#slots.length) return;
    // A power of two, and more than twice the names that there can be before the next growth.
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let entry = 0; entry < this.#count; entry += 1) this.#link(entry);
  }

  #equals(entry: number, bytes: Buffer, from: number, to: number): boolean {
    if (this.#lengths[entry] !== to - from) return false;
    const number = this.#names[entry] ?? 0;
    const offset = this.#pool.offset(number);
    return this.#pool.chunk(number).compare(bytes, from, to, offset, offset + to - from) === 0;
  }

  /** MurmurHash3's mixing (public domain), a byte at a time. */
  #hash(parent: number, bytes: Buffer, from: number, to: number): number {
    let hash = mixed(this.#secret, parent);
    for (let at = from; at < to; at += 1) hash = mixed(hash, bytes[at] ?? 0);
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }
}

function mixed(hash: number, value: number): number {
  const word = Math.imul(value, 0xcc9e2d51);
  const turned = hash ^ Math.imul((word << 15) | (word >>> 17), 0x1b873593);
  return (Math.imul((turned << 13) | (turned >>> 19), 5) + 0xe6546b64) | 0;
}
