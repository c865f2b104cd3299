import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * The commit that is checked out at `root`, or undefined outside a repository and before the first commit. Reads git's
 * own files (gitrepository-layout(5)): starting git takes longer than a whole command of ours.
 */
export function headCommit(root: string): string | undefined {
  const git = gitDirectory(root);
  if (git === undefined) return undefined;
  const head = read(join(git, 'HEAD'));
  if (head === undefined || !head.startsWith('ref: ')) return head;
  const ref = head.slice('ref: '.length);
  // Branches of a linked worktree lie in the repository that it belongs to.
  const shared = resolve(git, read(join(git, 'commondir')) ?? '.');
  return read(join(shared, ref)) ?? packedRef(shared, ref);
}

/** `.git` is a directory, or in a linked worktree a file that says where it is. */
function gitDirectory(root: string): string | undefined {
  const path = join(root, '.git');
  if (read(join(path, 'HEAD')) !== undefined) return path;
  const link = read(path);
  return link?.startsWith('gitdir: ') === true ? resolve(root, link.slice('gitdir: '.length)) : undefined;
}

function packedRef(git: string, ref: string): string | undefined {
  const lines = read(join(git, 'packed-refs'))?.split('\n') ?? [];
  return lines.find((line) => line.endsWith(` ${ref}`))?.slice(0, -` ${ref}`.length);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
