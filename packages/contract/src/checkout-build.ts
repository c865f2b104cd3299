import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import type { Build } from './daemon.ts';
import { headCommit } from './head-commit.ts';

/** Hex digits of the hash kept: 48 bits are plenty to tell one state of a checkout from the last. */
const HASH_DIGITS = 12;

/**
 * The build of a checkout whose sources run as they are. The id is a hash over name, size and change time of the
 * sources without their tests and of what is made from C, not over their bytes: every command of ours asks for it.
 */
export function checkoutBuild(root: string): Build {
  const hash = createHash('sha256');
  let newest = 0;
  for (const file of shippedFiles(root)) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file}\0${mtimeMs}\0${size}\n`);
    newest = Math.max(newest, mtimeMs);
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    version,
    commit: headCommit(root) ?? 'unknown',
    builtAt: new Date(newest).toISOString(),
    build: `dev-${hash.digest('hex').slice(0, HASH_DIGITS)}`,
  };
}

/** Sorted paths relative to the root. What is not built yet is no part of it. */
function shippedFiles(root: string): readonly string[] {
  const files: string[] = [];
  for (const name of folder(root, 'packages')) files.push(...tree(root, `packages/${name.name}/src`));
  for (const part of ['build/guest', 'build/netguard']) {
    for (const entry of folder(root, part)) if (entry.isFile()) files.push(`${part}/${entry.name}`);
  }
  return files.toSorted();
}

function tree(root: string, path: string): readonly string[] {
  return folder(root, path).flatMap((entry) => {
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) return tree(root, child);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [child] : [];
  });
}

function folder(root: string, path: string): readonly Dirent[] {
  try {
    return readdirSync(join(root, path), { withFileTypes: true });
  } catch {
    return [];
  }
}
