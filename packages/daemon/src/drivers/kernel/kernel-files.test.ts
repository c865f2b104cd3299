import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findKernelFiles } from './kernel-files.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banger-kernel-files-'));
});
afterEach(() => rm(root, { recursive: true }));

async function put(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const full = join(root, path);
    await mkdir(path.endsWith('/') ? full : dirname(full), { recursive: true });
    if (!path.endsWith('/')) await writeFile(full, '');
  }
}

test.each<readonly [string, readonly string[], string, string, string | undefined]>([
  ['a lone file', ['bzImage'], 'bzImage', 'bzImage', undefined],
  ['a directory with a file', ['vmlinux'], '', 'vmlinux', undefined],
  [
    'a package',
    ['boot/vmlinuz-6.1', 'boot/config-6.1', 'lib/modules/6.1/kernel/'],
    '',
    'boot/vmlinuz-6.1',
    'lib/modules/6.1',
  ],
  [
    'a package after the merge of /usr',
    ['boot/vmlinuz-6.1', 'usr/lib/modules/6.1/kernel/'],
    '',
    'boot/vmlinuz-6.1',
    'usr/lib/modules/6.1',
  ],
  [
    'a kernel beside its modules',
    ['lib/modules/6.1/vmlinuz', 'lib/modules/6.1/kernel/'],
    'lib/modules/6.1',
    'lib/modules/6.1/vmlinuz',
    'lib/modules/6.1',
  ],
  ['a stored kernel', ['vmlinux', 'modules/kernel/'], '', 'vmlinux', 'modules'],
  [
    'a file in boot',
    ['boot/vmlinuz-6.1', 'boot/vmlinuz-6.2', 'lib/modules/6.1/kernel/', 'lib/modules/6.2/kernel/'],
    'boot/vmlinuz-6.1',
    'boot/vmlinuz-6.1',
    'lib/modules/6.1',
  ],
])('%s', async (_name, tree, from, image, modules) => {
  await put(...tree);
  expect(await findKernelFiles(join(root, from))).toEqual({
    image: join(root, image),
    ...(modules === undefined ? {} : { modules: join(root, modules) }),
  });
});

test('none and more than one are refused', async () => {
  await put('boot/config-6.1');
  await expect(findKernelFiles(root)).rejects.toMatchObject({
    code: 'kernel_invalid',
    message: expect.stringContaining('no vmlinuz') as string,
  });
  await put('boot/vmlinuz-6.1', 'boot/vmlinuz-6.2');
  await expect(findKernelFiles(root)).rejects.toMatchObject({
    code: 'kernel_invalid',
    message: expect.stringContaining('vmlinuz-6.2') as string,
  });
  await expect(findKernelFiles(join(root, 'nothing'))).rejects.toMatchObject({ code: 'invalid_argument' });
});
