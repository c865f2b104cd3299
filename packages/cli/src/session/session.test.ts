import { Readable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, vmView } from '../fake-daemon.suite.ts';
import {
  fakeMachine,
  run,
  settle,
  until,
  type FakeMachine,
  type FakeOptions,
} from '../fake-machine.suite.ts';

/** `vm exec box -- cmd`, up to the moment at which the command runs. */
async function started(options: FakeOptions & { words?: readonly string[] } = {}) {
  const daemon = new FakeDaemon({ 'vm.show': () => vmView() });
  const machine = fakeMachine({ client: daemon, ...options });
  const ended = run([...(options.words ?? ['vm', 'exec', 'box']), '--', 'cmd'], machine);
  await until(() => daemon.sessions.length > 0);
  return { daemon, machine, ended, session: daemon.sessions[0]! };
}

describe('exec', () => {
  test('keeps the three streams apart, byte for byte', async () => {
    const { machine, ended, session } = await started();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const received: Buffer[] = [];
    session.stdin.on('data', (chunk: Buffer) => received.push(chunk));
    const inputEnded = new Promise((resolve) => session.stdin.on('end', resolve));
    machine.stdin.end(bytes);
    await inputEnded;
    session.stdout.write(bytes);
    session.stderr.write('oops');
    session.end({ status: 0 });
    const ran = await ended;
    expect(Buffer.concat(received)).toEqual(bytes);
    expect(Buffer.concat(machine.stdout.chunks)).toEqual(bytes);
    expect(ran).toMatchObject({ status: 0, err: 'oops' });
  });

  test.each([
    ['that runs and is slow puts no line into what the command says', false, ''],
    [
      'that is started is told of, for whoever wonders what took so long',
      true,
      'Starting the daemon (2.0 s)\n',
    ],
  ])('a daemon %s', async (_what, isStarted, said) => {
    const daemon = new FakeDaemon();
    daemon.onExec = (_, session) => session.end({ status: 0 });
    const machine: FakeMachine = fakeMachine({
      connect: async ({ onStart }) => {
        if (isStarted) onStart?.();
        machine.clock.advance(2_000);
        return daemon;
      },
    });
    expect(await run(['vm', 'exec', 'box', '--', 'cmd'], machine)).toMatchObject({ status: 0, err: said });
  });

  test('the words reach the daemon untouched, with or without --', async () => {
    for (const line of [
      [
        'vm',
        'exec',
        '-u',
        'me:us',
        '-w',
        '/tmp',
        '-e',
        'A=b c',
        'box',
        '--',
        'sh',
        '-c',
        'echo "$A"',
        '--',
        '-x',
      ],
      ['vm', 'exec', '-u', 'me:us', '-w', '/tmp', '-e', 'A=b c', 'box', 'sh', '-c', 'echo "$A"', '--', '-x'],
    ]) {
      const daemon = new FakeDaemon();
      daemon.onExec = (_, session) => session.end({ status: 0 });
      await run(line, fakeMachine({ client: daemon }));
      const argv = ['sh', '-c', 'echo "$A"', '--', '-x'];
      expect(daemon.paramsOf('vm.exec')).toEqual({
        vm: 'box',
        argv,
        env: ['A=b c'],
        cwd: '/tmp',
        user: 'me:us',
      });
    }
  });

  test.each([
    [{ status: 0 }, 0],
    [{ status: 255 }, 255],
    [{ signal: 15, coreDumped: false }, 143],
  ] as const)('ends as the command does: %j', async (end, status) => {
    const { ended, session } = await started();
    session.end(end);
    expect((await ended).status).toBe(status);
  });

  test('a lost connection is 125 with its reason', async () => {
    const { ended, session } = await started();
    session.lose(new BangerError('daemon_unreachable', 'The connection to the daemon was lost.'));
    const ran = await ended;
    expect(ran.status).toBe(125);
    expect(ran.err).toContain('error[daemon_unreachable]: The connection to the daemon was lost.');
  });

  test('no command is a usage error', async () => {
    const ran = await run('vm exec box', fakeMachine({ client: new FakeDaemon() }));
    expect(ran.status).toBe(2);
    expect(ran.err).toContain('For a shell: banger vm shell box');
  });
});

describe('signals during exec', () => {
  test('are forwarded, and the third within some seconds forces the end', async () => {
    const { machine, ended, session } = await started();
    machine.kill('SIGINT');
    machine.clock.advance(3_000);
    machine.kill('SIGTERM');
    machine.clock.advance(3_000);
    machine.kill('SIGQUIT');
    await settle();
    expect(session.signals).toEqual([2, 15, 3]);
    machine.clock.advance(1_000);
    machine.kill('SIGINT');
    const { status, err } = await ended;
    expect({ status, err }).toEqual({ status: 130, err: '' });
    expect(session.signals).toEqual([2, 15, 3]);
    expect(session.closed).toBe(1);
  });

  test('on a terminal the second one has it said how to insist, once', async () => {
    const { machine, ended, session } = await started({ terminals: ['stderr'] });
    for (let press = 0; press < 4; press += 1) {
      machine.kill('SIGINT');
      machine.clock.advance(6_000);
    }
    session.end({ status: 3 });
    const { status, err } = await ended;
    expect(status).toBe(3);
    expect(err.match(/The command goes on\. Press Ctrl-C 3 times within 5 s to end it\./g)).toHaveLength(1);
  });

  test('with a keyboard none is needed: Enter, tilde, full stop leave, and end the command', async () => {
    const { machine, ended, session } = await started({
      words: ['vm', 'exec', '-t', 'box'],
      terminals: ['stdin', 'stdout', 'stderr'],
    });
    const received: Buffer[] = [];
    session.stdin.on('data', (chunk: Buffer) => received.push(chunk));
    machine.stdin.write('\x03\x03\x03\r~.');
    const { status, err } = await ended;
    expect(status).toBe(129);
    expect(err).toContain('The session was left; its command is ended.');
    expect(Buffer.concat(received).toString()).toBe('\x03\x03\x03\r');
    expect(session.closed).toBe(1);
    expect(session.signals).toEqual([]);
    expect(machine.rawModes).toEqual([true, false]);
  });

  test('one that may not have come through is told of, and none that comes after the end of the command', async () => {
    const { machine, ended, session } = await started();
    const failures = [
      new BangerError('agent_not_ready', 'The guest agent did not answer signal within 30 s.'),
      new BangerError('command_ended', 'That command has ended.'),
    ];
    session.signal = () => Promise.reject(failures.shift()!);
    machine.kill('SIGINT');
    machine.clock.advance(3_000);
    machine.kill('SIGTERM');
    await settle();
    session.end({ status: 3 });
    expect(await ended).toMatchObject({
      status: 3,
      err: 'SIGINT may not have reached the command: The guest agent did not answer signal within 30 s.\n',
    });
  });

  test('one that is on its way when the session is left is nothing to tell of', async () => {
    const { machine, ended, session } = await started();
    const failing = Promise.withResolvers<never>();
    session.signal = () => failing.promise;
    for (let press = 0; press < 3; press += 1) machine.kill('SIGINT');
    await until(() => session.closed === 1);
    failing.reject(new BangerError('daemon_unreachable', 'The connection to the daemon was lost.'));
    expect(await ended).toMatchObject({ status: 130, err: '' });
  });

  test('SIGHUP closes the session', async () => {
    const { machine, ended, session } = await started();
    machine.kill('SIGHUP');
    expect((await ended).status).toBe(129);
    expect(session.closed).toBe(1);
    expect(session.signals).toEqual([]);
  });

  test('with a terminal SIGTERM is for us', async () => {
    const { machine, ended } = await started({
      words: ['vm', 'exec', '-t', 'box'],
      terminals: ['stdin', 'stdout'],
    });
    machine.kill('SIGTERM');
    expect((await ended).status).toBe(143);
    expect(machine.rawModes).toEqual([true, false]);
  });
});

describe('output that nobody reads', () => {
  test('is a SIGPIPE for the command, whose end is ours', async () => {
    const { machine, ended, session } = await started();
    machine.stdout.broken = true;
    session.stdout.write('x');
    await settle();
    expect(session.signals).toEqual([13]);
    session.stdout.write('y');
    session.end({ signal: 13, coreDumped: false });
    expect(await ended).toMatchObject({ status: 141, err: '' });
  });

  test('does not wait for a command that goes on', async () => {
    const { machine, ended, session } = await started();
    machine.stdout.broken = true;
    session.stdout.write('x');
    await settle();
    machine.clock.advance(1_000);
    expect(await ended).toMatchObject({ status: 141, err: '' });
    expect(session.closed).toBe(1);
  });

  test('of results is no error to tell', async () => {
    const machine = fakeMachine({ client: new FakeDaemon({ 'vm.list': () => [vmView()] }) });
    machine.stdout.broken = true;
    expect(await run('ps', machine)).toMatchObject({ status: 141, err: '' });
  });
});

describe('input', () => {
  test('a command that stops reading is no error', async () => {
    const { machine, ended, session } = await started();
    session.stdin.destroy();
    machine.stdin.write('more');
    await settle();
    session.end({ status: 0 });
    expect(await ended).toMatchObject({ status: 0, err: '' });
  });

  test('that breaks is the end of input', async () => {
    const { machine, ended, session } = await started();
    machine.stdin.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }));
    await settle();
    expect(session.stdin.writableEnded).toBe(true);
    session.end({ status: 0 });
    expect((await ended).status).toBe(0);
  });

  test('waits for a command that reads slowly', async () => {
    const { machine, ended, session } = await started();
    const block = Buffer.alloc(65_536);
    const source = Readable.from(Array.from({ length: 100 }, () => block));
    source.pipe(machine.stdin);
    await settle();
    expect(session.stdin.readableLength + session.stdin.writableLength).toBeLessThan(300_000);
    session.end({ status: 0 });
    await ended;
  });
});

describe('shell', () => {
  test('has a terminal when its input is one, and reminds of the VM', async () => {
    const daemon = new FakeDaemon({ 'vm.show': () => vmView() });
    daemon.onExec = (_, session) => session.end({ status: 0 });
    const machine = fakeMachine({ client: daemon, terminals: ['stdin', 'stdout', 'stderr'] });
    const ran = await run('vm shell box', machine);
    expect(daemon.paramsOf('vm.exec')).toMatchObject({ argv: [], tty: { term: 'xterm' } });
    expect(ran.err).toContain('box still runs.');
  });

  test('reads a script without one, and with --no-tty', async () => {
    for (const terminals of [[], ['stdin'] as const]) {
      const daemon = new FakeDaemon({ 'vm.show': () => vmView() });
      daemon.onExec = (_, session) => session.end({ status: 0 });
      await run('vm shell --no-tty box', fakeMachine({ client: daemon, terminals }));
      expect(daemon.paramsOf('vm.exec')).toEqual({ vm: 'id-box', argv: [], env: [] });
    }
  });

  test('a TERM that no terminal has is not passed on', async () => {
    const daemon = new FakeDaemon({ 'vm.show': () => vmView() });
    daemon.onExec = (_, session) => session.end({ status: 0 });
    await run('vm shell -t box', fakeMachine({ client: daemon, env: { TERM: '../x\n' } }));
    expect(daemon.paramsOf('vm.exec')).toMatchObject({
      tty: { term: 'xterm-256color', rows: 24, columns: 80 },
    });
  });
});
