import { writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { entries } from '../harness/leftovers.ts';
import { seen } from '../harness/seen.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';
import { HostClock } from './host-clock.ts';

const KIB = 1024;
const MIB = 1024 ** 2;
const small = ['--memory', '256'];

/** How long a VM that waits for room rests before it is tried again. */
const TRY_AGAIN_MS = 5_000;

describe('no room on the disk', () => {
  let home: FaultHome;
  beforeEach(({ skip }) => {
    home = FaultHome.stocked();
    skip(process.getuid?.() !== 0, 'only root can mount a file system of its own');
  });
  afterEach(() => home.remove());

  test('while an image is built, and while a kernel is fetched', async () => {
    const empty = FaultHome.empty();
    try {
      empty.setRoom(100 * MIB, 'state', 'images');
      empty.setRoom(30 * MIB, 'state', 'kernels');
      const figures = (what: string, store: string, mib: number): RegExp =>
        new RegExp(`no room for ${what} in .*/${store}: ${mib} MiB were free when .*, \\d+ MiB are left`);
      const image = async (): Promise<void> => {
        expectFault(await empty.run(['image', 'pull', 'debian-bookworm']), {
          ...{ code: 'disk_full', status: 1 },
          says: figures('debian-bookworm', 'images', 100),
        });
        expect(await empty.images()).toEqual([]);
        expect(entries(empty.path, 'state', 'images')).toEqual([]);
      };
      const kernel = async (): Promise<void> => {
        const pull = ['kernel', 'pull', 'debian-cloud'];
        expectFault(await empty.run(pull), {
          ...{ code: 'disk_full', status: 1 },
          says: figures('debian-cloud', 'kernels', 30),
        });
        expect(await empty.kernels()).toEqual([]);
        expect(entries(empty.path, 'state', 'kernels')).toEqual([]);
        // The kernel alone: an image takes a minute, by the same way into its store.
        empty.setRoom(512 * MIB, 'state', 'kernels');
        expect(await empty.run(pull)).toMatchObject({ status: 0 });
        expect(await empty.kernels()).toMatchObject([{ name: 'debian-cloud', present: true }]);
      };
      await Promise.all([image(), kernel()]);
      await empty.expectNothingLeft();
    } finally {
      await empty.remove();
    }
  });

  test('while a VM is made', async () => {
    home.setRoom(64 * KIB, 'state', 'vms');
    expectFault(await home.run(['vm', 'create', '--name', 'big', ...small]), {
      code: 'disk_full',
      status: 1,
      says: home.at('state', 'vms'),
    });
    await home.expectNothingLeft();
    home.setRoom(512 * MIB, 'state', 'vms');
    expect(await home.run(['vm', 'create', '--no-start', '--name', 'big', ...small])).toMatchObject({
      status: 0,
    });
    expect(await home.run(['vm', 'delete', 'big'])).toMatchObject({ status: 0 });
    await home.expectNothingLeft();
  });

  test('while a VM starts', async () => {
    home.setRoom(MIB / 2, 'state', 'vms');
    expectFault(await home.run(['vm', 'run', '--name', 'late', ...small, '--', 'true']), {
      code: 'disk_full',
      status: 125,
      says: /late is kept[^]*no room on the host/,
    });
    expect(await home.show('late')).toMatchObject({ state: 'error', phase: 'agent' });
    home.setRoom(512 * MIB, 'state', 'vms');
    expect(await home.run(['vm', 'start', 'late'])).toMatchObject({ status: 0 });
    expect(await home.run(['vm', 'delete', 'late'])).toMatchObject({ status: 0 });
    await home.expectNothingLeft();
  });

  test('while a VM runs: it stands still and says why, loses nothing, and goes on when there is room', async () => {
    const clock = new HostClock(home.path);
    home.env = clock.env;
    onTestFinished(() => clock.close());
    /** It is called running once its writes have found room for a second. */
    const goesOn = async (): Promise<VmView> => {
      home.setRoom(512 * MIB, 'state', 'vms');
      clock.pass(TRY_AGAIN_MS);
      return until('it to be called running', async () => {
        const view = await seen(home.path, 'full');
        return view.state === 'running' ? view : undefined;
      });
    };
    home.setRoom(8 * MIB, 'state', 'vms');
    expect(await home.run(['vm', 'create', '--name', 'full', ...small])).toMatchObject({ status: 0 });
    const writing = home.run([
      ...['vm', 'exec', 'full', '--', 'sh', '-c'],
      'head -c 16M /dev/urandom | tee /root/big | sha256sum; sync; sha256sum < /root/big',
    ]);
    const paused = await until('the VM to stand still', async () => {
      const view = await seen(home.path, 'full');
      return view.state === 'paused' ? view : undefined;
    });
    expect(paused.reason).toMatch(/disk of the host is full/);
    expect(paused.hint).toMatch(/Free some space/);
    expectFault(await home.run(['vm', 'exec', 'full', '--', 'true']), {
      code: 'vm_not_running',
      status: 125,
      says: /is paused[^]*Free some space/,
    });
    expect(await goesOn()).toMatchObject({ reason: '', hint: '' });
    const { status, stdout } = await writing;
    expect(status).toBe(0);
    const [sent, read] = stdout.trim().split('\n');
    expect(read).toBe(sent);

    // What a stop has it write finds no room either: the stop is refused, and nothing is lost.
    const { blocks, bfree, bsize } = await statfs(home.at('state', 'vms'));
    home.setRoom((blocks - bfree) * bsize + 3 * MIB, 'state', 'vms');
    const hash = async (script: string): Promise<string> =>
      (await home.run(['vm', 'exec', 'full', '--', 'sh', '-c', `${script}; sha256sum < /root/late`])).stdout;
    const held = await hash('head -c 10M /dev/urandom > /root/late');
    const refused = await home.run(['vm', 'stop', 'full']);
    expect(refused.stderr).toMatch(/vm_state[^]*waits for room/);
    expect(refused.status).toBe(1);
    await until('the VM to stand still', async () =>
      (await seen(home.path, 'full')).state === 'paused' ? true : undefined,
    );
    await goesOn();
    expect(await hash('sync; echo 3 > /proc/sys/vm/drop_caches')).toBe(held);
    expect(await home.run(['vm', 'delete', 'full'])).toMatchObject({ status: 0 });
    await home.expectNothingLeft();
  });

  test('for the state itself: refused while it lasts, and nothing is lost', async () => {
    const bare = FaultHome.empty();
    try {
      bare.setRoom(2 * MIB, 'state');
      expect(await bare.list()).toEqual([]);
      await bare.stopDaemon();
      const { bavail, bsize } = await statfs(bare.at('state'));
      writeFileSync(bare.at('state', 'filler'), Buffer.alloc(bavail * bsize));
      expectFault(await bare.run(['vm', 'list']), { code: 'disk_full', status: 1 });
      bare.setRoom(64 * MIB, 'state');
      expect(await bare.list()).toEqual([]);
    } finally {
      await bare.remove();
    }
  });

  test('for the state of a daemon that runs: what it cannot write down it does not do', async () => {
    // The stores stay where they are: only rows and logs find no room.
    const bare = FaultHome.empty();
    try {
      bare.setRoom(2 * MIB, 'state');
      expect(await bare.list()).toEqual([]);
      const pid = await bare.daemonPid();
      const { bavail, bsize } = await statfs(bare.at('state'));
      writeFileSync(bare.at('state', 'filler'), Buffer.alloc(bavail * bsize));
      for (let round = 0; round < 3; round += 1)
        expectFault(await bare.run(['vm', 'create', '--name', 'none']), { code: 'disk_full', status: 1 });
      bare.setRoom(64 * MIB, 'state');
      await bare.expectNothingLeft();
      expect(await bare.daemonPid()).toBe(pid);
    } finally {
      await bare.remove();
    }
  });
});
