import { PassThrough, Readable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import type { ImageView } from '@banger/contract/image';
import type { KernelView } from '@banger/contract/kernel';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, stoppedVm, untilCancelled, vmPlan, vmView } from '../fake-daemon.suite.ts';
import { fakeMachine, run, until } from '../fake-machine.suite.ts';

const image: ImageView = {
  name: 'debian-bookworm',
  present: true,
  distribution: 'debian',
  arch: 'x86_64',
  description: '',
  source: 'recipe',
  sources: ['recipe'],
  reference: '',
  digest: '',
  layers: [],
  managed: true,
  kernel: 'debian',
  init: 'agent',
  sizeBytes: 1,
  diskUsedBytes: 1,
  createdAt: '2026-01-31T11:00:00.000Z',
  usedBy: [],
};
const kernel: KernelView = {
  name: 'debian',
  present: true,
  distribution: 'debian',
  arch: 'x86_64',
  release: '6.1',
  version: '1',
  sha256: 'ab',
  source: 'package',
  diskUsedBytes: 1,
  createdAt: '2026-01-31T11:00:00.000Z',
  usedBy: [],
  usedByImages: [],
};

describe('lists', () => {
  test('ps is vm list, and says so when there is nothing', async () => {
    const daemon = new FakeDaemon({ 'vm.list': () => [] });
    expect(await run('ps', fakeMachine({ client: daemon }))).toEqual({
      status: 0,
      out: '',
      err: 'There are no VMs. Make one with: banger vm run\n',
    });
    expect((await run('vm ls --json', fakeMachine({ client: daemon }))).out).toBe('[]\n');
    expect((await run('ps -q', fakeMachine({ client: daemon }))).err).toBe('');
    const filled = new FakeDaemon({ 'vm.list': () => [vmView(), stoppedVm({ name: 'off' })] });
    expect((await run('ps -q', fakeMachine({ client: filled }))).out).toBe('box\noff\n');
    const json = await run('ps --json', fakeMachine({ client: filled }));
    expect(JSON.parse(json.out)).toEqual([vmView(), stoppedVm({ name: 'off' })]);
  });

  test.each([
    ['image list', 'image.list', { available: false }],
    ['image ls -a', 'image.list', { available: true }],
    ['image show debian-bookworm', 'image.show', { image: 'debian-bookworm' }],
    ['image pull debian-bookworm', 'image.pull', { image: 'debian-bookworm' }],
    ['image promote mine', 'image.promote', { image: 'mine' }],
    [
      'image register mine --rootfs ./r.ext4 --kernel-ref own',
      'image.register',
      { image: 'mine', rootfs: '/home/me/r.ext4', kernel: { ref: 'own' } },
    ],
    ['image rm debian-bookworm', 'image.delete', { image: 'debian-bookworm' }],
    ['kernel list --available', 'kernel.list', { available: true }],
    ['kernel show debian', 'kernel.show', { kernel: 'debian' }],
    ['kernel pull debian', 'kernel.pull', { kernel: 'debian', force: false }],
    ['kernel pull -f debian', 'kernel.pull', { kernel: 'debian', force: true }],
    [
      'kernel import mine --from ./out',
      'kernel.import',
      { kernel: 'mine', from: '/home/me/out', force: false },
    ],
    [
      'kernel import mine --from k --initrd i --modules /m --force',
      'kernel.import',
      { kernel: 'mine', from: '/home/me/k', initrd: '/home/me/i', modules: '/m', force: true },
    ],
    ['kernel delete debian', 'kernel.delete', { kernel: 'debian' }],
    ['vm show box', 'vm.show', { vm: 'box' }],
    ['df', 'daemon.diskUse', {}],
    ['image cache prune', 'cache.prune', { dryRun: false }],
    ['image cache prune -n', 'cache.prune', { dryRun: true }],
  ] as const)('%s calls %s', async (line, method, params) => {
    const daemon = new FakeDaemon({
      'image.list': () => [image],
      'image.show': () => image,
      'image.pull': () => image,
      'image.promote': () => image,
      'image.register': () => image,
      'image.delete': () => ({}),
      'kernel.list': () => [kernel],
      'kernel.show': () => kernel,
      'kernel.pull': () => kernel,
      'kernel.import': () => kernel,
      'kernel.delete': () => ({}),
      'vm.show': () => vmView(),
      'daemon.diskUse': () => [{ kind: 'images', count: 2, needed: 1, bytes: 3, freeableBytes: 2 }],
      'cache.prune': () => ({ layers: 2, bytes: 3, kept: 1 }),
    });
    const ran = await run(line, fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 0, err: '' });
    expect(ran.out).not.toBe('');
    expect(daemon.calls).toEqual([{ method, params }]);
    const json = await run(`${line} --json`, fakeMachine({ client: daemon }));
    expect(typeof JSON.parse(json.out)).toBe('object');
  });

  test('names of images and kernels are checked before anything', async () => {
    for (const line of ['kernel pull -- -x', 'image pull --name a/b alpine', 'vm create --kernel ../x']) {
      const daemon = new FakeDaemon();
      const ran = await run(line, fakeMachine({ client: daemon }));
      expect(ran.status).toBe(2);
      expect(ran.err).toContain('error[name_invalid]');
      expect(daemon.calls).toEqual([]);
    }
    expect((await run('kernel import x', fakeMachine())).status).toBe(2);
  });
});

test.each([
  ['gc', false, true, 0],
  ['gc --dry-run', true, true, 0],
  ['gc -n', true, false, 1],
])(
  '%s looks, removes unless told not to, and fails when something is left',
  async (line, dryRun, ok, status) => {
    const report = { orphans: [], unseen: ok ? [] : ['the stores: no'], ok };
    const daemon = new FakeDaemon({ 'daemon.gc': () => report });
    expect(await run(line, fakeMachine({ client: daemon }))).toMatchObject({ status });
    expect(daemon.paramsOf('daemon.gc')).toEqual({ dryRun });
    const json = await run(`${line} --json`, fakeMachine({ client: daemon }));
    expect([json.status, JSON.parse(json.out)]).toEqual([status, report]);
  },
);

describe('vm create', () => {
  test('plans, tells the spec, creates, and prints the name', async () => {
    const daemon = new FakeDaemon({ 'vm.plan': () => vmPlan(), 'vm.create': () => vmView() });
    const ran = await run('vm create --name box --no-start', fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 0, out: 'box\n' });
    expect(ran.err).toContain('spec: box · ');
    expect(daemon.paramsOf('vm.plan')).toEqual({ name: 'box' });
    expect(daemon.paramsOf('vm.create')).toMatchObject({ start: false, ephemeral: false, waitInit: false });
  });

  test('shows the progress of the call', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': (_, { onProgress }) => {
        onProgress?.({ operation: 'op', stage: 'Boot', level: 'stage', ms: 4_000 });
        return vmView();
      },
    });
    expect((await run('vm create', fakeMachine({ client: daemon }))).err).toContain('Boot (4.0 s)\n');
    const json = await run('vm create --json', fakeMachine({ client: daemon }));
    expect(json.err).toContain('{"progress":{"operation":"op","stage":"Boot","level":"stage","ms":4000}}\n');
    expect(JSON.parse(json.out)).toEqual(vmView());
    expect((await run('vm create -q', fakeMachine({ client: daemon }))).err).toBe('');
  });

  test('a name that is none is refused before anything', async () => {
    const daemon = new FakeDaemon();
    const ran = await run('vm create --name Box', fakeMachine({ client: daemon }));
    expect(ran.status).toBe(2);
    expect((await run('vm run --name Box', fakeMachine({ client: daemon }))).status).toBe(2);
    expect(ran.err).toContain('error[name_invalid]: "Box" is not a VM name.');
    expect(daemon.calls).toEqual([]);
  });
});

describe('vm logs', () => {
  test('passes every byte on in a pipe, and is safe on a terminal', async () => {
    const text = 'boot\r\n\x1b[31mred\x1b[0m \x1b[2J\r\n';
    const daemon = new FakeDaemon();
    daemon.console = Readable.from([Buffer.from(text)]);
    const piped = await run('vm logs -n 5 box', fakeMachine({ client: daemon }));
    expect(piped).toEqual({ status: 0, out: text, err: '' });
    expect(daemon.logRequests).toEqual([{ vm: 'box', follow: false, lines: 5 }]);
    daemon.console = Readable.from([Buffer.from(text)]);
    const shown = await run('vm logs box', fakeMachine({ client: daemon, terminals: ['stdout'] }));
    expect(shown.out).toBe('boot\nred \\x1b[2J\n');
  });

  test('-f ends with Ctrl-C, without a word', async () => {
    const daemon = new FakeDaemon();
    const console = new PassThrough();
    daemon.console = console;
    const machine = fakeMachine({ client: daemon });
    const ended = run('vm logs -f box', machine);
    console.write('so far');
    await until(() => machine.stdout.text === 'so far');
    machine.kill('SIGINT');
    expect(await ended).toEqual({ status: 130, out: 'so far', err: '' });
    expect(console.destroyed).toBe(true);
  });

  test('nobody reads: a quiet end', async () => {
    const daemon = new FakeDaemon();
    const console = new PassThrough();
    daemon.console = console;
    console.write('x');
    const machine = fakeMachine({ client: daemon });
    machine.stdout.broken = true;
    expect(await run('vm logs -f box', machine)).toMatchObject({ status: 141, err: '' });
  });

  test('a stream that breaks is an error', async () => {
    for (const terminals of [[], ['stdout'] as const]) {
      const daemon = new FakeDaemon();
      daemon.console = new Readable({
        read() {
          this.destroy(new BangerError('daemon_unreachable', 'It is gone.'));
        },
      });
      const ran = await run('vm logs box', fakeMachine({ client: daemon, terminals }));
      expect(ran.status).toBe(1);
      expect(ran.err).toContain('error[daemon_unreachable]: It is gone.');
    }
  });
});

describe('any command', () => {
  test('Ctrl-C cancels its call, and a second one does not wait', async () => {
    const daemon = new FakeDaemon({ 'image.pull': (_, options) => untilCancelled(options) });
    const machine = fakeMachine({ client: daemon });
    const ended = run('image pull x', machine);
    await until(() => daemon.methods.includes('image.pull'));
    machine.kill('SIGINT');
    machine.kill('SIGHUP');
    expect(machine.exits).toEqual([]);
    machine.kill('SIGINT');
    expect(machine.exits).toEqual([130]);
    expect(await ended).toMatchObject({ status: 130, err: 'error[cancelled]: Interrupted by SIGINT.\n' });
  });

  test('a daemon that cannot be reached is an error with its hint', async () => {
    const connect = () => Promise.reject(new BangerError('daemon_unreachable', 'It did not start.'));
    const ran = await run('ps', fakeMachine({ connect }));
    expect(ran.status).toBe(1);
    expect(ran.err).toBe(
      'error[daemon_unreachable]: It did not start.\nhint: Read its log with `banger daemon logs`.\n',
    );
    expect((await run('vm exec box -- x', fakeMachine({ connect }))).status).toBe(125);
  });

  test('a bug is told without a stack trace', async () => {
    const daemon = new FakeDaemon({
      'vm.list': () => {
        throw new TypeError('x is not a function');
      },
    });
    const ran = await run('ps', fakeMachine({ client: daemon }));
    expect(ran.status).toBe(1);
    expect(ran.err).toContain('error[internal]: x is not a function\nhint: ');
    expect(ran.err).not.toContain(' at ');
  });
});
