import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

const small = ['--memory', '256'];
const image = ['state', 'images', 'debian-bookworm'] as const;
const kernel = ['state', 'kernels', 'debian-cloud'] as const;

/** Bytes that ext4 leaves to whoever boots from a disk. */
const BEFORE_SUPERBLOCK = 1024;

/** What may have happened to a file; gets what was in it. */
const damages: readonly (readonly [string, (before: Buffer) => Buffer | undefined])[] = [
  ['cut short', (before) => before.subarray(0, Math.floor(before.length / 2))],
  ['emptied', () => Buffer.alloc(0)],
  ['of another kind', () => Buffer.from('{"manifest":999}')],
  ['gone', () => undefined],
];

describe('files that were damaged', () => {
  let home: FaultHome;
  beforeAll(() => {
    home = FaultHome.stocked();
  });
  afterAll(() => home.remove());

  /** Works with a file damaged, and puts it back afterwards. */
  async function damaged(
    path: readonly string[],
    damage: (before: Buffer) => Buffer | undefined,
    work: () => Promise<void>,
  ): Promise<void> {
    const before = readFileSync(home.at(...path));
    const content = damage(before);
    rmSync(home.at(...path));
    if (content !== undefined) home.replace(content, ...path);
    try {
      await work();
    } finally {
      home.replace(before, ...path);
    }
  }

  test.each(damages)("an image's manifest, %s", async (_what, damage) => {
    await damaged([...image, 'manifest.json'], damage, async () => {
      for (const argv of [
        ['vm', 'create', '--no-start'],
        ['image', 'show', 'debian-bookworm'],
      ])
        expectFault(await home.run(argv), { code: 'image_invalid', status: 1, says: /image delete/ });
      const { status, stdout, stderr } = await home.run(['image', 'list']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('damaged') });
      expect(stdout).not.toContain('debian-bookworm');
      await home.expectNothingLeft();
    });
    expect(await home.run(['image', 'show', 'debian-bookworm'])).toMatchObject({ status: 0 });
  });

  test.each(damages)("a kernel's manifest, %s", async (_what, damage) => {
    await damaged([...kernel, 'manifest.json'], damage, async () => {
      for (const argv of [
        ['vm', 'create', '--no-start'],
        ['kernel', 'show', 'debian-cloud'],
      ])
        expectFault(await home.run(argv), { code: 'kernel_invalid', status: 1, says: /kernel delete/ });
      await home.expectNothingLeft();
    });
    expect(await home.run(['kernel', 'show', 'debian-cloud'])).toMatchObject({ status: 0 });
  });

  test.each(['root.ext4', 'work.ext4'])("an image's %s, gone and another one", async (file) => {
    const path = home.at(...image, file);
    // Another link to the same file: it is large, and is only put aside.
    linkSync(path, `${path}.aside`);
    for (const put of [(): void => undefined, (): void => home.replace('short', ...image, file)]) {
      rmSync(path, { force: true });
      put();
      expectFault(await home.run(['vm', 'create', '--no-start']), {
        code: 'image_invalid',
        status: 1,
        says: file,
      });
      await home.expectNothingLeft();
    }
    renameSync(`${path}.aside`, path);
    expect(await home.run(['image', 'show', 'debian-bookworm'])).toMatchObject({ status: 0 });
  });

  describe('of a VM', () => {
    let files: string;
    beforeAll(async () => {
      expect(await home.run(['vm', 'create', '--no-start', '--name', 'hurt', ...small])).toMatchObject({
        status: 0,
      });
      files = join('vms', (await home.show('hurt')).id);
    });
    afterAll(async () => {
      expect(await home.run(['vm', 'delete', 'hurt'])).toMatchObject({ status: 0 });
      await home.expectNothingLeft();
    });

    const refusedAndKept = async (file: string): Promise<void> => {
      const says = home.at('state', files, file);
      expectFault(await home.run(['vm', 'start', 'hurt']), { code: 'file_damaged', status: 1, says });
      expect(await home.show('hurt')).toMatchObject({ state: 'error', phase: 'preflight' });
      expectFault(await home.run(['vm', 'exec', 'hurt', '--', 'true']), {
        code: 'vm_not_running',
        status: 125,
      });
      expect(home.leftovers()).toEqual([`directory ${files}`]);
    };

    test('its root disk, cut short, of another kind, gone', async () => {
      const path = ['state', files, 'root.qcow2'];
      for (const [, damage] of damages) await damaged(path, damage, () => refusedAndKept('root.qcow2'));
    });

    test('its work disk, cut short', async () => {
      const path = home.at('state', files, 'work.ext4');
      const { size } = statSync(path);
      truncateSync(path, size / 2);
      await refusedAndKept('work.ext4');
      truncateSync(path, size);
    });

    test('its kernel, no longer one', async () => {
      await damaged(
        [...kernel, 'vmlinux'],
        () => Buffer.from('no kernel\n'.repeat(100)),
        async () => {
          const outcome = await home.run(['vm', 'start', 'hurt']);
          expectFault(outcome, { code: 'vmm_failed', status: 1 });
          expect(home.leftovers()).toEqual([`directory ${files}`]);
        },
      );
    });

    test('once all are whole, the same command works', async () => {
      expect(await home.run(['vm', 'start', 'hurt'])).toMatchObject({ status: 0 });
      expect((await home.run(['vm', 'exec', 'hurt', '--', 'hostname'])).stdout).toBe('hurt\n');
    });

    test('nothing of the host is touched when its guest makes its disks look like a qcow2 with a data file of the host', async () => {
      const victim = home.at('victim');
      const header = home.at('header.qcow2');
      const options = `data_file=${victim},data_file_raw=on`;
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options, header, '1M']);
      writeFileSync(victim, 'a file of the host\n');
      const input = readFileSync(header).subarray(0, BEFORE_SUPERBLOCK);
      const write = `dd of=$(findmnt -no SOURCE $place) bs=${BEFORE_SUPERBLOCK} count=1 iflag=fullblock conv=notrunc,fsync`;
      for (const place of ['/', '/root']) {
        const script = `place=${place}; ${write}`;
        expect(await home.run(['vm', 'exec', 'hurt', '--', 'sh', '-c', script], { input })).toMatchObject({
          status: 0,
        });
      }
      for (const argv of [
        ['vm', 'stop', 'hurt'],
        ['vm', 'set', 'hurt', '--disk-size', '9G', '--root-size', '9G'],
        ['vm', 'start', 'hurt'],
      ])
        expect(await home.run(argv)).toMatchObject({ status: 0 });
      expect((await home.run(['vm', 'exec', 'hurt', '--', 'hostname'])).stdout).toBe('hurt\n');
      expect(statSync(home.at('state', files, 'work.ext4')).size).toBe(9 * 1024 ** 3);
      expect(readFileSync(victim, 'utf8')).toBe('a file of the host\n');
    });
  });
});
