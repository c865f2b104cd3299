import { appendFile, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeDaemon, untilCancelled } from '../fake-daemon.suite.ts';
import { fakeMachine, run, settle, until, type FakeMachine } from '../fake-machine.suite.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banger-cli-'));
});
afterEach(() => rm(directory, { recursive: true }));

const status = {
  pid: 77,
  build: { version: '1.2.3', commit: 'abc', builtAt: '', build: 'b1' },
  startedAt: '2026-01-31T11:00:00.000Z',
  socket: '/run/s',
  log: '/log',
  state: '/state',
  busy: [],
  vms: { total: 3, running: 1 },
};

describe('daemon status, stop and version', () => {
  test('start none, and say that none runs', async () => {
    const machine = fakeMachine();
    const ran = await run('daemon status', machine);
    expect(ran.status).toBe(3);
    expect(ran.out).toMatch(/^not running/);
    expect(machine.connects.map(({ start }) => start)).toEqual([false]);
    expect(await run('daemon stop', fakeMachine())).toMatchObject({ status: 0, out: 'not running\n' });
    const version = await run('version', fakeMachine());
    expect(version.status).toBe(0);
    expect(version.out).toContain('bangerd  not running');
    const json = await run('daemon status --json', fakeMachine());
    expect(json.status).toBe(3);
    expect(JSON.parse(json.out)).toEqual({
      running: false,
      socket: '/none/run/bangerd.sock',
      log: '/none/state/bangerd.log',
    });
  });

  test('tell of the one that runs', async () => {
    const daemon = new FakeDaemon({
      'daemon.status': () => status,
      'daemon.stop': () => ({ pid: 4_194_305, busy: ['vm.create box', '1 open stream'] }),
    });
    const told = await run('daemon status', fakeMachine({ client: daemon }));
    expect(told.status).toBe(0);
    expect(told.out).toContain('State    running for 1 h\nProcess  77\n');
    expect(told.out).toContain('VMs      3, 1 running\nAt work  nothing\n');
    const stopped = await run('daemon stop', fakeMachine({ client: daemon }));
    expect(stopped).toEqual({
      status: 0,
      out: 'stopped (process 4194305); VMs go on running\n',
      err: 'warning: it was busy with vm.create box, 1 open stream: cancelled, or waited for where there is no way back\n',
    });
    const version = await run('version --json', fakeMachine({ client: daemon }));
    expect(JSON.parse(version.out)).toMatchObject({
      cli: { build: 'b1' },
      daemon: { build: 'b1', pid: 4_194_305 },
    });
  });
});

describe('daemon logs', () => {
  const line = (msg: string): string => `${JSON.stringify({ level: 30, time: 0, msg })}\n`;
  const machineWith = (log: string): FakeMachine => fakeMachine({ paths: { log } });

  test('reads the file without a daemon', async () => {
    const log = join(directory, 'log');
    await writeFile(log, line('one') + line('two') + 'broken \x1b[2J');
    const machine = machineWith(log);
    expect(await run('daemon logs', machine)).toEqual({
      status: 0,
      out: '1970-01-01T00:00:00.000Z info  one\n1970-01-01T00:00:00.000Z info  two\nbroken \\x1b[2J\n',
      err: '',
    });
    expect(machine.connects).toEqual([]);
    expect((await run('daemon logs --json -n 2', machineWith(log))).out).toBe(line('two') + 'broken \x1b[2J');
  });

  test.each([0, 1, 2, 999, 1000, 5000])(
    '-n %d gives that many lines, however long the file',
    async (count) => {
      const log = join(directory, 'log');
      const lines = Array.from({ length: 1000 }, (_, index) => `${index} ${'x'.repeat(index % 500)}\n`);
      await writeFile(log, lines.join(''));
      const { out } = await run(`daemon logs --json -n ${count}`, machineWith(log));
      expect(out).toBe(count === 0 ? '' : lines.slice(-count).join(''));
    },
  );

  test('-f goes on when more is written, when the file is replaced, and when it is cut', async () => {
    const log = join(directory, 'log');
    const machine = machineWith(log);
    const ended = run('daemon logs --json -f', machine);
    const shows = (text: string) =>
      until(() => {
        machine.clock.advance(200);
        return machine.stdout.text === text;
      });
    await settle();
    await writeFile(log, 'a\n');
    await shows('a\n');
    await appendFile(log, 'bb\n');
    await shows('a\nbb\n');
    await rename(log, join(directory, 'old'));
    await writeFile(log, 'cc\n');
    await shows('a\nbb\ncc\n');
    await truncate(log);
    await writeFile(log, 'd\n');
    await shows('a\nbb\ncc\nd\n');
    machine.kill('SIGINT');
    expect((await ended).status).toBe(130);
  });

  test('no log yet, or none that can be read, is one clear message', async () => {
    const none = await run('daemon logs', machineWith(join(directory, 'none')));
    expect(none.status).toBe(1);
    expect(none.err).toContain('error[daemon_unreachable]: There is no log yet at');
    const folder = await run('daemon logs', machineWith(directory));
    expect(folder.status).toBe(1);
    expect(folder.err).toContain('error[path_unsafe]');
  });
});

describe('doctor', () => {
  const check = { id: 'x', title: 'X', status: 'pass', detail: 'there', fix: '' } as const;

  const found = (change: Partial<typeof check> = {}) => ({ ok: true, checks: [{ ...check, ...change }] });
  const idsIn = (out: string): string[] =>
    (JSON.parse(out) as { checks: { id: string }[] }).checks.map(({ id }) => id);
  const own = ['cli.node', 'cli.home', 'cli.run-directory', 'cli.socket', 'cli.daemon'];

  test('adds the checks of a daemon that runs to its own, and starts none', async () => {
    const machine = fakeMachine({ client: new FakeDaemon({ 'doctor.run': () => found() }) });
    const ran = await run('doctor --json', machine);
    expect(ran.status).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ ok: true });
    expect(idsIn(ran.out)).toEqual([...own, 'x']);
    expect(machine.connects.map(({ start }) => start)).toEqual([false]);
  });

  test('looks itself where none runs, and starts none', async () => {
    const machine = fakeMachine({ examine: async () => found() });
    const ran = await run('doctor', machine);
    expect(ran.status).toBe(0);
    expect(ran.out).toContain(
      'pass  Daemon: none runs; the next command that needs one starts it\npass  X: there',
    );
    expect(ran.out).toContain('6 passed, 0 warned, 0 failed');
    expect(machine.connects.map(({ start }) => start)).toEqual([false]);
    expect(idsIn((await run('doctor --json', fakeMachine({ examine: async () => found() }))).out)).toEqual([
      ...own,
      'x',
    ]);
  });

  test('fails when one of them fails', async () => {
    const failing = { ok: false, checks: [{ ...check, status: 'fail' as const }] };
    const daemon = new FakeDaemon({ 'doctor.run': () => failing });
    expect((await run('doctor', fakeMachine({ client: daemon }))).status).toBe(1);
    expect((await run('doctor', fakeMachine({ examine: async () => failing }))).status).toBe(1);
  });

  const refused = new BangerError('path_unsafe', 'The socket is not yours.');
  test.each([
    ['reached', { connect: () => Promise.reject(refused) }],
    ['asked', { client: new FakeDaemon({ 'doctor.run': () => Promise.reject(refused) }) }],
  ])('a daemon that cannot be %s is one failing check beside all others', async (_what, daemon) => {
    const ran = await run('doctor', fakeMachine({ ...daemon, examine: async () => found() }));
    expect(ran.status).toBe(1);
    expect(ran.out).toContain('FAIL  Daemon: The socket is not yours. (path_unsafe)\n      fix: ');
    expect(ran.out).toContain('5 passed, 0 warned, 1 failed');
    expect(ran.err).toBe('');
  });

  test('a look that fails is one failing check, an interrupted one is none', async () => {
    const broken = () => Promise.reject(new BangerError('daemon_unreachable', 'It is not whole.'));
    const ran = await run('doctor', fakeMachine({ examine: broken }));
    expect(ran.status).toBe(1);
    expect(ran.out).toContain('FAIL  Look at this host: It is not whole. (daemon_unreachable)');
    expect(ran.out).toContain('5 passed, 0 warned, 1 failed');
    const machine = fakeMachine({ examine: (signal) => untilCancelled({ signal }) });
    const ended = run('doctor', machine);
    await settle();
    machine.kill('SIGINT');
    expect(await ended).toMatchObject({ status: 130, out: '' });
  });

  test('tells of a daemon of another build, and leaves it alone', async () => {
    const daemon = new FakeDaemon({ 'doctor.run': () => found() });
    Object.assign(daemon.hello.build, { build: 'b0' });
    const ran = await run('doctor', fakeMachine({ client: daemon }));
    expect(ran.status).toBe(0);
    expect(ran.out).toContain('warn  Daemon: it answers, but is of build b0, and this program of b1');
    expect(daemon.methods).toEqual(['doctor.run']);
  });

  test('sees what keeps a daemon from being reached', async () => {
    const place = join(directory, 'run');
    const machine = (change: Partial<{ run: string; socket: string }>, env = {}): FakeMachine => ({
      ...fakeMachine({
        paths: { run: place, socket: `${place}/s`, ...change },
        env,
        client: new FakeDaemon(),
      }),
      uid: process.getuid!(),
    });
    const told = async (fake: FakeMachine): Promise<string> => (await run('doctor', fake)).out;

    expect(await told(machine({}, { BANGER_HOME: 'relative' }))).toContain(
      'FAIL  BANGER_HOME: "relative" is no absolute path',
    );
    await symlink(directory, place);
    const look = { connect: () => Promise.reject(refused), examine: async () => found() };
    const barred = { ...machine({}), ...look };
    const linked = await told(barred);
    expect(linked).toContain('is a symbolic link');
    expect(linked).toContain(
      'warn  Daemon: not asked whether one runs: the way to it is barred (Runtime directory)',
    );
    expect(linked).toContain(', 1 failed');
    await rm(place);
    await mkdir(place, { mode: 0o755 });
    expect(await told(machine({}))).toContain('is open to other users');
    expect(await told({ ...machine({}), uid: 12_345 })).toContain('belongs to another user');
    await writeFile(`${place}/s`, '');
    expect(await told(machine({}))).toContain('is no socket');
    expect(await told({ ...machine({}), nodeVersion: 'v22.1.0' })).toContain(
      'FAIL  Node.js: v22.1.0 is too old',
    );
  });
});
