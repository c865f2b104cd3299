import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelManifest } from '@banger/daemon/drivers/kernel/manifest';
import { afterEach, expect, test } from 'vitest';
import { banger, type Outcome } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';

/*
 * A kernel that has everything built in boots with an initramfs of the agent alone (E4). `make generic-kernel` builds one and runs this: no
 * distribution has one, and to build it takes minutes.
 */

const BUILT = join(import.meta.dirname, '../../build/generic-kernel');
const NOTICE = 'comes without modules';
const home = sharedHome();
const run = (...argv: readonly string[]): Promise<Outcome> => banger(argv, { home });

afterEach(async () => {
  await run('vm', 'delete', 'generic');
  await run('kernel', 'delete', 'generic');
});

test.each([
  ['a lone file, at its word', join(BUILT, 'vmlinux'), true],
  ['a directory with its lists, which are held to', BUILT, false],
])('%s', async (_what, from, isTold) => {
  const imported = await run('kernel', 'import', 'generic', '--from', from);
  expect(imported).toMatchObject({ status: 0 });
  expect(imported.stderr.includes(NOTICE)).toBe(isTold);
  const stored = join(home, 'state/kernels/generic');
  const manifest = JSON.parse(readFileSync(join(stored, 'manifest.json'), 'utf8')) as KernelManifest;
  expect(manifest).toMatchObject({ modules: [], release: expect.stringMatching(/-generic$/) });
  expect(readFileSync(join(stored, 'initramfs.img')).includes('.ko')).toBe(false);

  expect(await run('vm', 'create', '--name', 'generic', '--kernel', 'generic')).toMatchObject({ status: 0 });
  const asked =
    'uname -r; ls /proc/modules; findmnt -no FSTYPE /; findmnt -no FSTYPE /root; ip -br address show up scope global';
  const { stdout } = await run('vm', 'exec', 'generic', '--', 'sh', '-c', asked);
  expect(stdout).toMatch(new RegExp(`^${manifest.release}\next4\next4\n\\w+ +UP +\\d+\\.`));
  expect(await run('vm', 'exec', 'generic', '--', 'sh', '-c', 'echo kept > /root/kept')).toMatchObject({
    status: 0,
  });
  // Off by itself, and on again, with what was written.
  expect(await run('vm', 'stop', 'generic')).toMatchObject({ status: 0 });
  expect(await run('vm', 'start', 'generic')).toMatchObject({ status: 0 });
  expect((await run('vm', 'exec', 'generic', '--', 'cat', '/root/kept')).stdout).toBe('kept\n');
});
