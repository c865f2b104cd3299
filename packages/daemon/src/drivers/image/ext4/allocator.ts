import { BangerError } from '@banger/contract/error';
import { BLOCK_BYTES, BLOCKS_PER_GROUP, hasSuperblock } from './geometry.ts';

/** Blocks from `start` on. */
export interface BlockRun {
  readonly start: number;
  readonly count: number;
}

/**
 * Gives out blocks from the front of the file system, around the copies of the superblock, whose places are fixed. What is asked for in
 * one piece may leave a gap behind, which later blocks fill.
 */
export class BlockAllocator {
  /** Blocks of a superblock, the descriptors and the room for more of them, at the start of each group that has a copy. */
  readonly backupBlocks: number;
  readonly #limit: number;
  /** In order, apart from each other. */
  readonly #gaps: BlockRun[] = [];
  #taken = 0;
  #next: number;
  /** The first block at or behind `next` that a copy of the superblock takes. */
  #barrier: number;

  /** `limit` blocks are all that there are: taking more throws `invalid_argument`. */
  constructor(backupBlocks: number, limit = Infinity) {
    this.backupBlocks = backupBlocks;
    this.#limit = limit;
    this.#next = backupBlocks;
    this.#barrier = barrierFrom(1);
  }

  /** Goes on where another one is, without changing it, and without its limit. */
  static copyOf(other: BlockAllocator): BlockAllocator {
    const copy = new BlockAllocator(other.backupBlocks);
    copy.#gaps.push(...other.#gaps);
    copy.#next = other.#next;
    copy.#barrier = other.#barrier;
    return copy;
  }

  /** The first block that nothing is in, nor in any behind it, but for copies of the superblock. */
  get end(): number {
    return this.#next;
  }

  /** Blocks that were given out by `take`. */
  get taken(): number {
    return this.#taken;
  }

  /** Stretches before `end` that are free. */
  get gaps(): readonly BlockRun[] {
    return this.#gaps;
  }

  /** Takes between one block and `most` that follow each other. */
  take(most: number): BlockRun {
    const run = this.#fromGap(most) ?? this.#advance(most);
    this.#taken += run.count;
    return run;
  }

  /** Takes `count` blocks that follow each other, at most those of a group without a copy of the superblock. */
  takeTogether(count: number): number {
    const fitting = this.#gaps.findIndex((gap) => gap.count >= count);
    if (fitting !== -1) {
      const gap = this.#gaps[fitting] ?? { start: 0, count: 0 };
      const rest = { start: gap.start + count, count: gap.count - count };
      this.#gaps.splice(fitting, 1, ...(rest.count > 0 ? [rest] : []));
      return gap.start;
    }
    while (this.#barrier - this.#next < count) {
      const left = this.#barrier - this.#next;
      if (left > 0) this.#gaps.push({ start: this.#next, count: left });
      this.#next = this.#barrier;
      this.#pass();
    }
    const start = this.#next;
    this.#next += count;
    this.#pass();
    return start;
  }

  #fromGap(most: number): BlockRun | undefined {
    const gap = this.#gaps.shift();
    if (gap === undefined) return undefined;
    const count = Math.min(most, gap.count);
    if (count < gap.count) this.#gaps.unshift({ start: gap.start + count, count: gap.count - count });
    return { start: gap.start, count };
  }

  #advance(most: number): BlockRun {
    const start = this.#next;
    const count = Math.min(most, this.#barrier - start);
    this.#next += count;
    this.#pass();
    if (this.#next > this.#limit)
      throw tooSmall(this.#limit * BLOCK_BYTES, this.#next * BLOCK_BYTES, 'at least ');
    return { start, count };
  }

  /** Steps over a copy of the superblock. */
  #pass(): void {
    while (this.#next === this.#barrier) {
      const group = this.#barrier / BLOCKS_PER_GROUP;
      this.#next += this.backupBlocks;
      this.#barrier = barrierFrom(group + 1);
    }
  }
}

function barrierFrom(group: number): number {
  let next = group;
  while (!hasSuperblock(next)) next += 1;
  return next * BLOCKS_PER_GROUP;
}

/** That a file system of `given` bytes is too small for content that needs `needed`. */
export function tooSmall(given: number, needed: number, bound = ''): BangerError {
  return new BangerError(
    'invalid_argument',
    `A file system of ${given} bytes is too small: its content needs ${bound}${needed} bytes.`,
    { hint: 'Make it larger, or put less into it.', details: { given, needed } },
  );
}
