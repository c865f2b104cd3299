import { existsSync, readdirSync, renameSync } from 'node:fs';
import { appendFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestEvent } from '../../drivers/guest/driver.ts';
import { ownOperation, runOperation, type Operation } from '../operation.ts';
import { FakeHost, until, type Call } from './fake-host.suite.ts';
import { initStep } from './start-steps.ts';

const never = new AbortController().signal;
const started = { start: true, waitInit: false };

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const create = (name: string, signal = never): Promise<VmView> =>
  host.vms.create(host.spec(name), started, signal);

function expectNothingLeft(): void {
  expect(host.deps.vms.list()).toEqual([]);
  expectNothingRuns([]);
  expect(entries(host.layout.vm('x').directory)).toEqual([]);
}

/** No process, socket or network; the ledger has what a stopped VM has. */
function expectNothingRuns(ledger: readonly string[]): void {
  expect(host.ledger).toEqual(ledger);
  expect(host.world.running).toEqual([]);
  expect(host.network.running).toEqual([]);
  expect(host.deps.live.size).toBe(0);
  expect(entries(host.layout.vm('x').runtime)).toEqual([]);
}

/** What lies beside a VM's directory. */
function entries(path: string): string[] {
  return existsSync(dirname(path)) ? readdirSync(dirname(path)) : [];
}

const stateOf = (view: { readonly id: string }): string => host.deps.vms.get(view.id).state;

describe('a VM', () => {
  test('is made, runs, powers off, starts again and goes without a trace', async () => {
    const view = await create('box');
    expect(view).toMatchObject({ name: 'box', state: 'running', reason: '', runtime: { agent: 'ready' } });
    expect(host.ledger).toEqual(['vmm', 'network', 'runtime', 'directory']);
    await expect(create('box')).rejects.toMatchObject({ code: 'name_taken' });

    const exec = await host.vms.exec({ vm: 'box', argv: ['true'], env: [] }, never);
    for (const stream of [exec.stdout, exec.stderr]) stream.resume();
    expect(await exec.exit).toEqual({ status: 0 });

    expect(await host.vms.stop('box', false, never)).toMatchObject({ state: 'stopped', reason: '' });
    expectNothingRuns(['directory']);
    expect(await host.vms.start('box', true, never)).toMatchObject({ state: 'running' });
    expect(await host.vms.delete('box')).toMatchObject({ name: 'box', leftOver: [] });
    expectNothingLeft();
  });

  test('outlives its daemon, and is found again', async () => {
    const view = await create('box');
    await host.restart();
    expect((await host.vms.show('box')).runtime).toMatchObject({
      pid: view.runtime?.pid,
      bootId: view.runtime?.bootId,
      agent: 'ready',
    });
    await host.vms.delete('box');
    expectNothingLeft();
  });

  test('that reboots while its services are waited for is up when they are', async () => {
    const events: GuestEvent[] = [];
    host.guestOptions = { events };
    const waits = Promise.withResolvers<void>();
    const progress: Operation['progress'] = ({ stage, ms }) => {
      if (stage === initStep.title && ms === undefined) setImmediate(() => waits.resolve());
    };
    const started = runOperation({ ...ownOperation('vm.create'), progress }, () =>
      host.vms.create(host.spec('box'), { start: true, waitInit: true }, never),
    );
    await waits.promise;
    events.push({ name: 'init-ready', detail: '' });
    for (const { pid } of host.world.running) host.world.reboot(pid);
    expect(await started).toMatchObject({ state: 'running', runtime: { init: 'ready' } });
  });

  test.each([
    ['powers off', 'stopped', /powered off/, (pid: number) => host.world.powerOff(pid)],
    ['panics', 'error', /panicked: no reason at all/, (pid: number) => host.world.panic(pid)],
    [
      'loses its VMM',
      'error',
      /VMM ended: ended by SIGSEGV/,
      (pid: number) => host.world.die(pid, 'SIGSEGV'),
    ],
  ])(
    'that %s by itself says so, to its commands too, and can be started again',
    async (_what, state, reason, end) => {
      const view = await create('box');
      const exec = await host.vms.exec({ vm: 'box', argv: ['wait'], env: [] }, never);
      for (const stream of [exec.stdout, exec.stderr]) stream.on('error', () => undefined).resume();
      const exit = exec.exit.catch((error: unknown) => error);
      await appendFile(host.layout.vm(view.id).console, 'Kernel panic - not syncing: no reason at all\r\n');
      end(view.runtime?.pid ?? 0);
      host.guest?.hangUp();
      expect(await exit).toMatchObject({
        code: 'vmm_gone',
        message: expect.stringMatching(/^box ended while/),
      });
      // Whoever hears of it and asks is not told that it still runs.
      expect(host.deps.vms.get(view.id)).toMatchObject({ state, reason: expect.stringMatching(reason) });
      expectNothingRuns(['directory']);
      expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running' });
      await host.vms.delete('box');
      expectNothingLeft();
    },
  );
});

test.each([
  ['loses its VMM', /^The VMM ended[^]*The kernel boots/, (pid: number) => host.world.die(pid, 'SIGSEGV')],
  ['panics', /^The guest kernel panicked\.[^]*The kernel boots/, (pid: number) => host.world.panic(pid)],
])('a VM that %s says nothing of what an earlier boot had on the console', async (_what, says, end) => {
  const { id } = await create('box');
  await appendFile(host.layout.vm(id).console, 'Kernel panic - not syncing: of yesterday\r\n');
  await host.vms.stop('box', false, never);
  await host.vms.start('box', false, never);
  await host.restart();
  for (const { pid } of host.world.running) end(pid);
  await until(() => host.deps.vms.get(id).state === 'error');
  const { reason } = host.deps.vms.get(id);
  expect(reason).toMatch(says);
  expect(reason).not.toContain('of yesterday');
});

describe('a creation that fails', () => {
  test.each<Call>(['createRoot', 'createWork'])('at %s leaves nothing, not even the row', async (at) => {
    host.onCall = (call) => {
      if (call === at) throw new BangerError('disk_full', 'Full.');
    };
    await expect(create('box')).rejects.toMatchObject({ code: 'disk_full' });
    expectNothingLeft();
  });

  test('does not leave the other disk at work behind it', async () => {
    let late = false;
    host.onCall = async (call) => {
      if (call === 'createRoot') throw new BangerError('disk_full', 'Full.');
      if (call !== 'createWork') return;
      await new Promise((resolve) => setTimeout(resolve, 30));
      late = true;
    };
    await expect(create('box')).rejects.toMatchObject({ code: 'disk_full' });
    expect(late).toBe(true);
    expectNothingLeft();
  });

  test('because its image or its kernel cannot be had leaves nothing, and fetches no other', async () => {
    for (const change of [{ image: 'None' }, { kernel: 'none' }, { image: '../x' }, { kernel: '' }])
      await expect(host.vms.create(host.spec('box', change), started, never)).rejects.toMatchObject({
        code: expect.stringMatching(/not_found|name_invalid|invalid_argument/),
      });
    expectNothingLeft();
    for (const store of [host.layout.images, host.layout.kernels])
      expect(existsSync(store) ? readdirSync(store) : []).toEqual([]);
  });
});

describe('a start that fails', () => {
  const fail = (at: Call) => () => {
    host.onCall = (call) => {
      if (call === at) throw new BangerError('vmm_failed', `No ${at}.`);
    };
  };
  const cases: [
    string,
    string,
    (id: string) => void | Promise<void>,
    (id: string) => void | Promise<void>,
  ][] = [
    [
      'runtime',
      'cannot be made (EEXIST)',
      async (id) => {
        await mkdir(dirname(host.layout.vm(id).runtime), { recursive: true });
        await writeFile(host.layout.vm(id).runtime, '');
      },
      () => undefined,
    ],
    [
      'preflight',
      'is missing',
      (id) => renameSync(host.layout.vm(id).rootDisk, `${host.layout.vm(id).rootDisk}.aside`),
      (id) => renameSync(`${host.layout.vm(id).rootDisk}.aside`, host.layout.vm(id).rootDisk),
    ],
    [
      'network',
      'No way out',
      () => host.network.failNext(new BangerError('network_failed', 'No way out.')),
      () => undefined,
    ],
    ['accel', 'No probe', fail('probe'), () => undefined],
    ['vmm', 'No launch', fail('launch'), () => undefined],
    ['vmm', 'No launched', fail('launched'), () => undefined],
    [
      'network-ready',
      'No way out after all',
      () => host.network.failNextReady(new BangerError('network_failed', 'No way out after all.')),
      () => undefined,
    ],
  ];
  test.each(cases)(
    'at %s (%s) undoes all that it made, keeps the disks, and says why',
    async (step, says, hurt, mend) => {
      const view = await host.vms.create(host.spec('box'), { start: false, waitInit: false }, never);
      await hurt(view.id);
      await expect(host.vms.start('box', false, never)).rejects.toBeInstanceOf(BangerError);
      const row = host.deps.vms.get(view.id);
      expect(row).toMatchObject({ state: 'error', phase: step });
      expect(row.reason).not.toBe('');
      expect(row.hint).not.toBe('');
      await rm(host.layout.vm(view.id).runtime, { force: true });
      expectNothingRuns(['directory']);
      host.onCall = () => undefined;
      await mend(view.id);
      expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running', reason: '' });
      await host.vms.delete('box');
      expectNothingLeft();
    },
  );

  test('because the guest panics before it answers ends the wait at once, with what the kernel said', async () => {
    host.answers = false;
    host.onCall = async (call) => {
      if (call !== 'launched') return;
      const [process] = host.world.running;
      if (process === undefined) throw new Error('no VMM');
      await appendFile(process.spec.consoleLog, '');
      setTimeout(
        () => void appendFile(process.spec.consoleLog, 'Kernel panic - not syncing: no init\r\n'),
        100,
      );
    };
    await expect(create('box')).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringMatching(/agent hello: the guest kernel panicked: no init\.[^]*The kernel boots/),
    });
    expectNothingRuns(['directory']);
    await host.vms.delete('box');
    expectNothingLeft();
  });

  test('because the guest panics before anybody listens ends the wait all the same', async () => {
    host.answers = false;
    host.onCall = async (call) => {
      const [process] = host.world.running;
      if (call === 'launched' && process !== undefined)
        await appendFile(process.spec.consoleLog, 'Kernel panic - not syncing: no init\r\n');
    };
    await expect(create('box')).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringContaining('the guest kernel panicked: no init.'),
    });
    expectNothingRuns(['directory']);
  });

  test.each<Call>(['launched', 'configure'])(
    'because there is no room on the host for what the guest writes, after %s, says so',
    async (at) => {
      host.onCall = async (call) => {
        const [process] = host.world.running;
        if (call !== at || process === undefined) return;
        host.world.fillDisk(process.pid, 'root');
        if (call === 'configure') await new Promise(() => undefined);
      };
      await expect(create('box')).rejects.toMatchObject({ code: 'disk_full' });
      expectNothingRuns(['directory']);
    },
  );
});

describe('a start that is given up', () => {
  test.each<Call>(['createRoot', 'probe', 'launch', 'launched'])(
    'by its caller at %s leaves nothing',
    async (at) => {
      const caller = new AbortController();
      host.onCall = (call) => {
        if (call === at) caller.abort();
      };
      await expect(create('box', caller.signal)).rejects.toMatchObject({ code: 'cancelled' });
      expectNothingLeft();
    },
  );

  test('by its caller, while its guest takes its configuration and does not answer, leaves nothing', async () => {
    const caller = new AbortController();
    host.onCall = async (call) => {
      if (call !== 'configure') return;
      caller.abort();
      await new Promise(() => undefined);
    };
    await expect(create('box', caller.signal)).rejects.toMatchObject({ code: 'cancelled' });
    expectNothingLeft();
  });

  test.each(['stop', 'delete'] as const)(
    'by a %s, while its guest is silent, is undone at once',
    async (how) => {
      host.answers = false;
      const waiting = create('box').catch((error: unknown) => error);
      await until(() => host.guest !== undefined && host.world.running.length === 1);
      const [row] = host.deps.vms.list();
      if (row === undefined) throw new Error('no row');
      await until(() => stateOf(row) === 'starting');
      if (how === 'stop')
        expect(await host.vms.stop('box', false, never)).toMatchObject({ state: 'stopped' });
      else await host.vms.delete('box');
      expect(await waiting).toMatchObject({ code: 'cancelled' });
      if (how === 'stop') expectNothingRuns(['directory']);
      else expectNothingLeft();
    },
  );

  test('by the death of the daemon is cleaned up after by the next one', async () => {
    const view = await host.vms.create(host.spec('box'), { start: false, waitInit: false }, never);
    host.answers = false;
    void host.vms.start('box', false, never).catch(() => undefined);
    await until(() => host.guest !== undefined && stateOf(view) === 'starting');
    await host.restart();
    expect(host.deps.vms.get(view.id)).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/daemon ended while the VM was starting/),
    });
    expectNothingRuns(['directory']);
  });
});

test('a guest that never answers is given up after two minutes, and its console shown', async () => {
  const clock = new FakeClock();
  const other = await FakeHost.make(clock);
  try {
    other.answers = false;
    const created = other.vms.create(other.spec('mute'), started, never).catch((error: unknown) => error);
    await until(() => other.guest !== undefined && clock.sleeping > 2);
    let ended = false;
    void created.then(() => (ended = true));
    while (!ended && clock.monotonic() < 130_000) {
      await clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await created).toMatchObject({
      code: 'agent_not_ready',
      message: expect.stringMatching(/within 120 s[^]*The kernel boots/),
      details: { probe: 'agent hello' },
    });
    expect(other.world.running).toEqual([]);
    expect(other.deps.vms.list()).toMatchObject([{ state: 'error', phase: 'agent' }]);
  } finally {
    await other.close();
  }
});
