import { BangerError } from '@banger/contract/error';
import type { VmPort, VmStats } from '@banger/contract/guest';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, stoppedVm, vmView } from '../fake-daemon.suite.ts';
import { fakeMachine, run } from '../fake-machine.suite.ts';

const GIB = 1024 ** 3;
const vms = [
  vmView({ id: '0a11', name: 'web' }),
  vmView({ id: '0b22', name: 'db' }),
  stoppedVm({ id: '0c33', name: 'old' }),
];

const silent = new BangerError('agent_not_ready', 'The agent of db does not answer.\nThe console is empty.');

describe('vm ping', () => {
  const daemon = (): FakeDaemon =>
    new FakeDaemon({
      'vm.list': () => vms,
      'vm.ping': ({ vm, count }) => {
        if (vm === '0b22') throw silent;
        return { roundTripsMs: Array.from({ length: count }, (_, index) => 2.12 + index) };
      },
    });

  test('tells the round trip of each, and fails for one that does not answer', async () => {
    const ran = await run('vm ping web db', fakeMachine({ client: daemon() }));
    expect(ran).toMatchObject({ status: 1, out: 'web: 2.1 ms\n' });
    expect(ran.err).toContain(
      'error[agent_not_ready]: The agent of db does not answer.\n  The console is empty.',
    );
  });

  test('--count asks several times', async () => {
    const client = daemon();
    const ran = await run('vm ping --count 3 web', fakeMachine({ client }));
    expect(ran).toEqual({ status: 0, out: 'web: 2.1 to 4.1 ms, mostly 3.1 ms (3 answers)\n', err: '' });
    expect(client.paramsOf('vm.ping')).toEqual({ vm: '0a11', count: 3 });
  });

  test.each(['0', '1001', 'x'])('--count %s is refused', async (count) => {
    expect((await run(`vm ping web --count ${count}`, fakeMachine({ client: daemon() }))).status).toBe(2);
  });
});

const port = (change: Partial<VmPort>): VmPort => ({
  endpoint: 'web.vm:8080',
  protocol: 'tcp',
  port: 8080,
  service: 'http',
  addresses: ['0.0.0.0', '::'],
  pid: 7,
  program: 'node',
  ...change,
});

describe('vm ports', () => {
  const daemon = (): FakeDaemon =>
    new FakeDaemon({
      'vm.list': () => vms,
      'vm.ports': ({ vm }) => {
        if (vm === '0b22') throw silent;
        const { pid: _, program: __, ...unknown } = port({ service: 'udp', protocol: 'udp', port: 53 });
        return [
          port({ program: 'no\u001b[2Jde' }),
          { ...unknown, endpoint: 'web.vm:53', addresses: ['127.0.0.1'] },
        ];
      },
    });

  test('lists what listens where, whatever a program calls itself', async () => {
    const ran = await run('vm ports web db nope', fakeMachine({ client: daemon() }));
    expect(ran.status).toBe(1);
    expect(ran.out).toMatchInlineSnapshot(`
      "ENDPOINT     SERVICE  PROCESS          LISTENS ON
      web.vm:8080  http     no\\x1b[2Jde (7)  0.0.0.0, ::
      web.vm:53    udp      -                127.0.0.1
      "
    `);
    expect(ran.err).toMatch(/error\[agent_not_ready\][^]*error\[vm_not_found\]/);
  });

  test('-q gives endpoints, --json all of it, --no-probe connects to nothing', async () => {
    expect((await run('vm ports -q web', fakeMachine({ client: daemon() }))).out).toBe(
      'web.vm:8080\nweb.vm:53\n',
    );
    const client = daemon();
    const ran = await run('vm ports --json --no-probe web db', fakeMachine({ client }));
    expect(JSON.parse(ran.out)).toMatchObject([
      { name: 'web', ok: true, result: [{ endpoint: 'web.vm:8080', service: 'http' }, { port: 53 }] },
      { name: 'db', ok: false, error: { code: 'agent_not_ready' } },
    ]);
    expect(client.paramsOf('vm.ports')).toEqual({ vm: '0a11', probe: false });
  });

  test('a VM in which nothing listens is told', async () => {
    const client = new FakeDaemon({ 'vm.list': () => vms, 'vm.ports': () => [] });
    expect(await run('vm ports web', fakeMachine({ client }))).toEqual({
      status: 0,
      out: '',
      err: 'Nothing listens in web.\n',
    });
  });
});

const stats = (name: string, change: Partial<VmStats> = {}): VmStats => ({
  id: name,
  name,
  host: {
    cpus: 1.234,
    residentBytes: 300 * 1024 ** 2,
    disks: [
      { disk: 'root', usedBytes: 7.5 * GIB, sizeBytes: 8 * GIB, full: 0.9375, nearlyFull: true },
      { disk: 'work', usedBytes: 4096, sizeBytes: 8 * GIB, full: 0, nearlyFull: false },
    ],
  },
  guest: {
    cpus: 0.5,
    memory: { totalBytes: 2 * GIB, usedBytes: GIB / 2 },
    fileSystems: [{ mountPoint: '/\u001b[2J', sizeBytes: 8 * GIB, freeBytes: GIB / 2 }],
    network: { receivedBytes: 1024, sentBytes: 2048 },
    processes: 12,
    load: 0.25,
    uptimeSeconds: 3723,
  },
  guestReason: '',
  ...change,
});

/** One whose agent does not answer. */
function withoutGuest(name: string): VmStats {
  const { guest: _, ...rest } = stats(name, { guestReason: 'It sleeps.' });
  return rest;
}

describe('vm stats', () => {
  const daemon = (): FakeDaemon =>
    new FakeDaemon({
      'vm.list': () => vms,
      'vm.stats': ({ vm }) => (vm === '0b22' ? withoutGuest('db') : stats('web')),
    });

  test('tells one VM in full', async () => {
    const ran = await run('vm stats web', fakeMachine({ client: daemon() }));
    expect(ran).toMatchObject({ status: 0, err: '' });
    expect(ran.out).toMatchInlineSnapshot(`
      "Name       web

      On the host
        CPU        123 %
        Memory     300 MiB
        Root disk  7.5 GiB of 8 GiB, 94 % full!
        Work disk  4 KiB of 8 GiB

      In the guest
        CPU        50 %
        Load       0.25
        Memory     512 MiB of 2 GiB
        Processes  12
        Uptime     1 h 2 min
        Received   1 KiB
        Sent       2 KiB
        /\\x1b[2J   512 MiB free of 8 GiB
      "
    `);
  });

  test('has what the host sees of one whose agent is silent', async () => {
    const { out } = await run('vm stats db', fakeMachine({ client: daemon() }));
    expect(out).toMatch(/Memory +300 MiB[^]*In the guest\n +Agent +does not answer: It sleeps\.\n$/);
  });

  test('takes all that run when none is named, as a table', async () => {
    const client = daemon();
    const ran = await run('vm stats', fakeMachine({ client }));
    expect(ran.out).toMatchInlineSnapshot(`
      "NAME  CPU    MEMORY   IN GUEST          ROOT      WORK   LOAD  UPTIME     NOTE
      web   123 %  300 MiB  512 MiB of 2 GiB  7.5 GiB!  4 KiB  0.25  1 h 2 min  root disk 94 % full
      db    123 %  300 MiB  -                 7.5 GiB!  4 KiB  -     -          the agent does not answer, root disk 94 % full
      "
    `);
    expect(client.methods).toEqual(['vm.list', 'vm.stats', 'vm.stats']);
    expect((await run('vm stats -q', fakeMachine({ client: daemon() }))).out).toBe('web\ndb\n');
  });

  test('says so when none runs', async () => {
    const client = new FakeDaemon({ 'vm.list': () => [] });
    expect(await run('vm stats', fakeMachine({ client }))).toMatchObject({ status: 0, out: '' });
    expect((await run('vm stats --json', fakeMachine({ client }))).out).toBe('[]\n');
  });
});

describe('a running VM whose agent is silent', () => {
  const view = vmView({
    runtime: {
      ...vmView().runtime!,
      agent: 'silent',
      agentSince: '2026-01-31T11:59:30.000Z',
      agentReason: 'It has not answered for 10 s.\nLast lines of the console:\n  \u001b[2Jbomb',
    },
  });

  test('is shown as that in the list', async () => {
    const { out } = await run('ps', fakeMachine({ client: new FakeDaemon({ 'vm.list': () => [view] }) }));
    expect(out).toMatch(/box +running \(silent\) .* It has not answered for 10 s\.\n$/);
  });

  test('is shown with the reason and its console', async () => {
    const { out } = await run(
      'vm show box',
      fakeMachine({ client: new FakeDaemon({ 'vm.show': () => view }) }),
    );
    expect(out).toContain('running for 2 min, silent for 30 s\n');
    expect(out).toMatch(
      /Agent +silent for 30 s\n +It has not answered for 10 s\.\n +Last lines.*\n +\\x1b\[2Jbomb\n/,
    );
  });
});
