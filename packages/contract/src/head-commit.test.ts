import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { headCommit } from './head-commit.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-head-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function git(cwd: string, ...argv: readonly string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@invalid'];
  return execFileSync('git', [...identity, ...argv], { cwd, encoding: 'utf8' }).trim();
}

test('no commit where there is no repository, nor before its first commit', () => {
  expect(headCommit(root)).toBeUndefined();
  git(root, 'init', '--quiet');
  expect(headCommit(root)).toBeUndefined();
});

test('the commit of a branch, of packed refs, of a detached head and of a linked worktree', () => {
  git(root, 'init', '--quiet');
  git(root, 'commit', '--quiet', '--allow-empty', '--message', 'one');
  const first = git(root, 'rev-parse', 'HEAD');
  expect(headCommit(root)).toBe(first);

  git(root, 'pack-refs', '--all');
  expect(headCommit(root)).toBe(first);

  git(root, 'worktree', 'add', '--quiet', '-b', 'other', 'linked');
  const linked = join(root, 'linked');
  git(linked, 'commit', '--quiet', '--allow-empty', '--message', 'two');
  expect(headCommit(linked)).toBe(git(linked, 'rev-parse', 'HEAD'));
  expect(headCommit(linked)).not.toBe(first);

  git(root, 'checkout', '--quiet', '--detach');
  expect(headCommit(root)).toBe(first);
});
