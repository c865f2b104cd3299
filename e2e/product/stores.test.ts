import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageView } from '@banger/contract/image';
import type { KernelView } from '@banger/contract/kernel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { entries } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';

const home = sharedHome();
const vmlinux = join(home, 'state/kernels/debian-cloud/vmlinux');
let directory: string;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'banger-stores-'))));
afterAll(() => rmSync(directory, { recursive: true }));

describe('images', () => {
  test('the list has what is here, and with --available what can be had', async () => {
    const here = await bangerJson<ImageView[]>(['image', 'list'], { home });
    expect(here.map(({ name }) => name)).toContain('debian-bookworm');
    expect(here.every(({ present, diskUsedBytes }) => present && diskUsedBytes > 0)).toBe(true);
    const all = await bangerJson<ImageView[]>(['image', 'list', '--available'], { home });
    expect(all.map(({ name }) => name)).toEqual(['debian-bookworm', 'debian-bookworm-systemd']);
  });

  test('one that is here is not built again', async () => {
    const before = await bangerJson<ImageView>(['image', 'show', 'debian-bookworm'], { home });
    expect(await banger(['image', 'pull', 'debian-bookworm'], { home })).toMatchObject({ status: 0 });
    expect(await bangerJson<ImageView>(['image', 'show', 'debian-bookworm'], { home })).toEqual(before);
  });

  test('one that a VM uses is not deleted, nor is its kernel, and the message names the VM', async () => {
    expect(await banger(['vm', 'create', '--no-start', '--name', 'user-of-it'], { home })).toMatchObject({
      status: 0,
    });
    for (const [kind, name] of [
      ['image', 'debian-bookworm'],
      ['kernel', 'debian-cloud'],
    ] as const) {
      const { status, stderr } = await banger([kind, 'delete', name], { home });
      expect(status).toBe(1);
      expect(stderr).toMatch(new RegExp(`${kind}_in_use[\\s\\S]*user-of-it`));
    }
    await banger(['vm', 'delete', 'user-of-it'], { home });
  });
});

describe('kernels', () => {
  test('one from a file is imported, boots, and is deleted', async () => {
    expect(
      await banger(['kernel', 'import', 'mine', '--from', join(home, 'state/kernels/debian-cloud')], {
        home,
      }),
    ).toMatchObject({
      status: 0,
    });
    const [ours] = (await bangerJson<KernelView[]>(['kernel', 'list'], { home })).filter(
      ({ name }) => name === 'mine',
    );
    expect(ours).toMatchObject({ present: true, release: expect.stringMatching(/^6\./) });
    const { status, stdout } = await banger(['vm', 'run', '--rm', '--kernel', 'mine', '--', 'uname', '-r'], {
      home,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${ours?.release}\n` });
    expect(await banger(['kernel', 'import', 'mine', '--from', vmlinux], { home })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('kernel_exists'),
    });
    expect(await banger(['kernel', 'rm', 'mine'], { home })).toMatchObject({ status: 0 });
  });

  test('what is no kernel is refused, and nothing is left', async () => {
    const garbage = join(directory, 'garbage');
    writeFileSync(garbage, Buffer.alloc(100_000, 7));
    for (const from of [garbage, join(directory, 'absent'), directory]) {
      const { status, stderr } = await banger(['kernel', 'import', 'bad', '--from', from], { home });
      expect(status).toBe(1);
      expect(stderr).toMatch(/^error\[(kernel_invalid|invalid_argument)\]: /m);
    }
    expect(entries(home, 'state', 'kernels')).toEqual(['debian-cloud']);
  });
});
