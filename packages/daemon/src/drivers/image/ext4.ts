import { chmod, open, stat } from 'node:fs/promises';
import type { RunOptions, RunResult } from '../../host/runner.ts';

/** Runs a program with the right to read every file of the tree and to see its true owners. */
export type RunInTree = (argv: readonly [string, ...string[]], options: RunOptions) => Promise<RunResult>;

/** An ext4 file system to make from a tree. */
export interface Ext4Plan {
  /** Where the image file is made; nothing is there yet. */
  readonly file: string;
  /** What goes in, owners and modes as they are. */
  readonly tree: string;
  readonly bytes: number;
  readonly label: string;
  readonly journalMib: number;
}

const MIB = 1024 ** 2;
const BLOCK_BYTES = 4096;
/** One inode for this many bytes, mke2fs's own ratio for ordinary sizes; a small template must not get another one. */
const BYTES_PER_INODE = 16_384;
/**
 * Up to this size, room for the group descriptors is set aside when the file system is made. The kernel zeroes that room in each part
 * that it adds: reserving 1 TiB made the first growth to 8 GiB 20 ms longer under emulation. It goes on beyond by another layout
 * (meta_bg), tried up to 1 TiB.
 */
const RESERVED_BYTES = 64 * 1024 ** 3;
/** The image is a base that is shared: nobody may write it. */
const READ_ONLY_MODE = 0o400;

/** Content times 1.5, so that there is room to install something, in whole MiB and at least `least`. */
export function roomyBytes(contentBytes: number, least: number): number {
  return Math.max(least, Math.ceil((contentBytes * 1.5) / MIB) * MIB);
}

/** Bytes that a tree takes, in whole blocks; hard links count once. */
export async function treeBytes(tree: string, run: RunInTree, signal: AbortSignal): Promise<number> {
  const argv = ['du', '--summarize', '--block-size=1', '--one-file-system', '--', tree] as const;
  const { stdout } = await run(argv, { signal });
  return Number.parseInt(stdout, 10);
}

/**
 * Makes a sparse ext4 image of a tree by mke2fs(8) without mounting anything, checks it by e2fsck(8), and syncs it to
 * disk, read-only. Its tables are written as holes, so that no guest has to do that at its first mount.
 */
export async function makeExt4(plan: Ext4Plan, run: RunInTree, signal: AbortSignal): Promise<void> {
  const extended = [
    'root_owner=0:0',
    'lazy_itable_init=0',
    // A new file is zeros already; to write them would only take room.
    'lazy_journal_init=1',
    `resize=${RESERVED_BYTES / BLOCK_BYTES}`,
  ];
  await run(
    [
      'mke2fs',
      ...['-q', '-F', '-t', 'ext4', '-L', plan.label, '-m', '0'],
      ...['-b', String(BLOCK_BYTES), '-i', String(BYTES_PER_INODE), '-I', '256'],
      ...['-J', `size=${plan.journalMib}`, '-E', extended.join(',')],
      ...['-d', plan.tree, plan.file, `${plan.bytes / MIB}M`],
    ],
    { signal },
  );
  await run(['e2fsck', '-f', '-n', plan.file], { signal });
  const file = await open(plan.file, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(plan.file, READ_ONLY_MODE);
}

/** Bytes that a file takes on disk, holes left out. */
export async function allocatedBytes(file: string): Promise<number> {
  // st_blocks counts in 512 bytes whatever the file system (stat(2)).
  return (await stat(file)).blocks * 512;
}
