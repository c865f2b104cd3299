import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildInfo } from './build-info.ts';
import { installation } from './installation.ts';

test('the build of a running program does not change under it', () => {
  expect(buildInfo()).toBe(buildInfo());
  expect(buildInfo().build).toMatch(/^dev-/);
});

test('an installation is found from the module itself', () => {
  const { root, daemon, assets } = installation();
  expect(existsSync(join(root, 'package.json'))).toBe(true);
  expect(daemon).toEqual([process.execPath, join(root, 'packages/daemon/src/main.ts')]);
  expect(assets).toBe(join(root, 'build'));
});
