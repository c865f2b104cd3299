import { PassThrough } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import type { DaemonEvent } from '@banger/contract/event';
import type { OperationOutcome } from '@banger/contract/operation';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, untilCancelled, vmPlan } from '../fake-daemon.suite.ts';
import { fakeMachine, run, until } from '../fake-machine.suite.ts';

const running: OperationOutcome = {
  ...{ id: '3f9c1d20ab47', method: 'image.pull', on: { kind: 'image', name: 'debian' }, client: 77 },
  ...{ detached: false, state: 'running', stage: 'Fetching', detail: 'a package' },
  ...{ done: 1024 ** 2, total: 4 * 1024 ** 2, unit: 'bytes', startedAt: '2026-01-31T11:59:50.000Z' },
};
const ended = (change: Partial<OperationOutcome>): OperationOutcome => ({
  ...running,
  endedAt: '2026-01-31T11:59:55.000Z',
  ...change,
});
const done = ended({ state: 'done', result: { name: 'debian' } });
const failed = ended({
  state: 'failed',
  error: { code: 'disk_full', message: 'No room.', hint: 'Make some.' },
});

describe('operation list', () => {
  test('shows what is at work, for whom, and how far it is', async () => {
    const daemon = new FakeDaemon({ 'operation.list': () => [running] });
    const ran = await run('operation list', fakeMachine({ client: daemon }));
    expect(ran).toEqual({
      status: 0,
      out: [
        'ID            OPERATION   ON      STATE    TIME  CLIENT      STAGE\n',
        '3f9c1d20ab47  image.pull  debian  running  10 s  process 77  Fetching · a package · 1 MiB of 4 MiB\n',
      ].join(''),
      err: '',
    });
    expect(daemon.paramsOf('operation.list')).toEqual({ all: false });
    expect((await run('op ls -q', fakeMachine({ client: daemon }))).out).toBe('3f9c1d20ab47\n');
  });

  test('--all has those that ended, with the reason', async () => {
    const daemon = new FakeDaemon({ 'operation.list': () => [done, failed] });
    const { out } = await run('op list --all', fakeMachine({ client: daemon }));
    expect(out).toMatch(/done +5\.0 s/);
    expect(out).toMatch(/failed +5\.0 s +process 77 +disk_full: No room\.\n/);
    expect(daemon.paramsOf('operation.list')).toEqual({ all: true });
  });

  test('says so when there is nothing', async () => {
    const daemon = new FakeDaemon({ 'operation.list': () => [] });
    expect(await run('op list', fakeMachine({ client: daemon }))).toEqual({
      ...{ status: 0, out: '' },
      err: 'Nothing is at work. Those that ended: banger operation list --all\n',
    });
    expect((await run('op list --json', fakeMachine({ client: daemon }))).out).toBe('[]\n');
  });
});

test('operation show tells all of one', async () => {
  const daemon = new FakeDaemon({ 'operation.show': () => failed });
  const { out } = await run('op show 3f9c', fakeMachine({ client: daemon }));
  expect(daemon.paramsOf('operation.show')).toEqual({ operation: '3f9c' });
  expect(out).toMatch(/State +failed\nReason +No room\.\nHint +Make some\.\n/);
  const json = await run('op show 3f9c --json', fakeMachine({ client: daemon }));
  expect(JSON.parse(json.out)).toEqual(failed);
});

describe('operation watch', () => {
  const watching = (outcome: OperationOutcome): FakeDaemon =>
    new FakeDaemon({
      'operation.watch': (_, { onProgress }) => {
        onProgress?.({ operation: running.id, stage: 'Fetching', level: 'stage', ms: 3_000 });
        return outcome;
      },
    });

  test('shows its progress and ends as it does', async () => {
    const ran = await run('op watch 3f9c', fakeMachine({ client: watching(done) }));
    expect(ran).toMatchObject({ status: 0, err: 'Fetching (3.0 s)\n' });
    expect(ran.out).toMatch(/State +done\n/);
    const lost = await run('op watch 3f9c', fakeMachine({ client: watching(failed) }));
    expect(lost).toEqual({
      ...{ status: 1, out: '' },
      err: 'Fetching (3.0 s)\nerror[disk_full]: No room.\nhint: Make some.\noperation: 3f9c1d20ab47\n',
    });
  });

  test('--json gives a line for each event, and the outcome last', async () => {
    const ran = await run('op watch 3f9c --json', fakeMachine({ client: watching(failed) }));
    expect(ran).toMatchObject({ status: 1, err: '' });
    expect(
      ran.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { progress: { operation: running.id, stage: 'Fetching', level: 'stage', ms: 3_000 } },
      { operation: failed },
    ]);
    const nothing = new FakeDaemon({
      'operation.watch': () => {
        throw new BangerError('operation_not_found', 'There is none.');
      },
    });
    const none = await run('op watch x --json', fakeMachine({ client: nothing }));
    expect(none).toMatchObject({ status: 1, out: '' });
    expect(JSON.parse(none.err)).toMatchObject({ error: { code: 'operation_not_found' } });
  });

  test.each(['', ' --json'])('Ctrl-C ends the watching (%s)', async (flag) => {
    const daemon = new FakeDaemon({ 'operation.watch': (_, options) => untilCancelled(options) });
    const machine = fakeMachine({ client: daemon });
    const ran = run(`op watch 3f9c${flag}`, machine);
    await until(() => daemon.methods.includes('operation.watch'));
    machine.kill('SIGINT');
    expect(await ran).toMatchObject({ status: 130 });
    expect(daemon.methods).toEqual(['operation.watch']);
  });
});

describe('operation cancel', () => {
  test('cancels several, and tells of one that had come too far', async () => {
    const daemon = new FakeDaemon({
      'operation.cancel': ({ operation }) =>
        operation === 'aa' ? ended({ state: 'cancelled' }) : ended({ state: 'done', method: 'vm.stop' }),
    });
    expect(await run('operation cancel aa bb', fakeMachine({ client: daemon }))).toEqual({
      ...{ status: 1, out: 'aa: cancelled\nbb: done\n' },
      err: 'warning: bb: vm.stop had come too far to be cancelled: it is done\n',
    });
    expect((await run('op cancel aa', fakeMachine({ client: daemon }))).status).toBe(0);
  });
});

describe('--detach', () => {
  test.each([
    ['image pull -d debian', 'image.pull', { image: 'debian' }],
    ['kernel pull --detach --force cloud', 'kernel.pull', { kernel: 'cloud', force: true }],
    [
      'vm create --detach --no-start',
      'vm.create',
      { spec: vmPlan().spec, start: false, ephemeral: false, waitInit: false },
    ],
  ])('%s prints the id of an operation that goes on', async (line, method, params) => {
    const daemon = new FakeDaemon({ 'vm.plan': () => vmPlan(), 'operation.start': () => running });
    const ran = await run(line, fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 0, out: '3f9c1d20ab47\n' });
    expect(ran.err).toContain('Follow it with: banger operation watch 3f9c1d20ab47\n');
    expect(daemon.paramsOf('operation.start')).toEqual({ method, params });
    const json = await run(`${line} --json`, fakeMachine({ client: daemon }));
    expect(JSON.parse(json.out)).toEqual(running);
  });
});

describe('events', () => {
  const time = '2026-01-31T12:00:00.000Z';
  const box = { id: '0b11', vm: 'box' };
  const on = { kind: 'vm', name: 'box' } as const;
  const events: readonly DaemonEvent[] = [
    {
      ...{ event: 'snapshot', time, vms: [{ ...box, state: 'stopped' }] },
      operations: [{ operation: 'aa11', method: 'vm.start', on }],
    },
    { event: 'vm.state', time, ...box, from: 'stopped', to: 'starting', phase: '', reason: '' },
    {
      event: 'vm.state',
      time,
      ...box,
      from: 'starting',
      to: 'error',
      phase: 'vmm',
      reason: 'No \x1b[31mroom.\nNone',
    },
    {
      ...{
        event: 'operation.ended',
        time,
        operation: 'aa11',
        method: 'vm.start',
        on,
        state: 'failed',
        ms: 4_000,
      },
      error: { code: 'vmm_failed', message: 'No room.\nNone', hint: '' },
    },
    { event: 'operation.begun', time, operation: 'bb22', method: 'vm.delete', on, detached: false },
    { event: 'vm.state', time, ...box, from: 'error', to: 'error', phase: 'delete', reason: '' },
    { event: 'vm.changed', time, ...box },
    { event: 'vm.agent', time, ...box, agent: 'silent', reason: 'It \x1b[31mhas.\nNot' },
    { event: 'vm.agent', time, ...box, agent: 'ready', reason: '' },
    {
      ...{ event: 'port.opened', time, ...box, endpoint: 'box.vm:80' },
      ...{ protocol: 'tcp', port: 80, program: 'a\x1b[31mb' },
    },
    { event: 'port.closed', time, ...box, endpoint: 'box.vm:53', protocol: 'udp', port: 53 },
    { event: 'vm.deleted', time, ...box },
    { event: 'vm.made', time, ...box, state: 'creating' },
    { event: 'image.added', time, image: 'debian' },
    { event: 'kernel.removed', time, kernel: 'cloud' },
    { event: 'dropped', time, count: 3 },
    { event: 'snapshot', time, vms: [], operations: [] },
  ];
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');

  test('are lines for people, until Ctrl-C', async () => {
    const daemon = new FakeDaemon();
    const stream = new PassThrough();
    daemon.console = stream;
    const machine = fakeMachine({ client: daemon });
    const ran = run('events --vm box --vm web', machine);
    stream.write(text);
    await until(() => machine.stdout.text.includes('nothing is at work'));
    machine.kill('SIGINT');
    expect(await ran).toMatchObject({ status: 130, err: '' });
    expect(machine.stdout.text.replaceAll(`${time} `, '')).toBe(
      [
        'box: is stopped',
        'vm.start box: is at work, operation aa11',
        'box: stopped -> starting',
        'box: starting -> error at vmm (No \\x1b[31mroom.)',
        'vm.start box: failed after 4.0 s, operation aa11: No room.',
        'vm.delete box: begun, operation bb22',
        'box: error at delete',
        'box: changed',
        'box: its agent is silent (It \\x1b[31mhas.)',
        'box: its agent answers',
        'box: tcp port 80 opened by a\\x1b[31mb',
        'box: udp port 53 closed',
        'box: deleted',
        'box: made, creating',
        'image debian: added',
        'kernel cloud: removed',
        '3 events are missing here: they came faster than they were read',
        'there are no VMs, and nothing is at work',
        '',
      ].join('\n'),
    );
    expect(daemon.paramsOf('events.watch')).toEqual({ vms: ['box', 'web'] });
    expect(stream.destroyed).toBe(true);
  });

  test('--json passes them on as they are; the end of the daemon is a failure', async () => {
    const daemon = new FakeDaemon();
    const stream = new PassThrough();
    daemon.console = stream;
    stream.end(text);
    const ran = await run('events --json', fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 1, out: text });
    expect(JSON.parse(ran.err)).toMatchObject({ error: { code: 'daemon_unreachable' } });
  });
});
