import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DAEMON_HELD_EXIT } from '@banger/contract/daemon-exit';
import { afterEach, describe, expect, test } from 'vitest';
import { startDaemon, type StartOptions } from './start-daemon.ts';
import { TestHome, uid, until } from './test-daemon.suite.ts';

/**
 * A daemon as far as a start is concerned. One holds the lock file; others end with the status for that. It ends by
 * itself, so that no test leaves one behind.
 */
const DAEMON = `
  const fs = require('node:fs'), net = require('node:net');
  const [root, socket, log, delay, slow] = process.argv.slice(2);
  fs.appendFileSync(root + '/started', process.pid + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(slow ?? 0));
  try { fs.writeFileSync(root + '/lock', '', { flag: 'wx' }); } catch { process.exit(${DAEMON_HELD_EXIT}); }
  setTimeout(() => process.exit(0), 20_000);
  setTimeout(() => net.createServer((c) => c.once('data', () => {
    c.write(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { pid: process.pid } }) + '\\n');
  }).on('error', () => {})).listen(socket), Number(delay));
`;

/** A Node on a busy machine takes more than a second to end with a status. */
const HELD_TEST_MS = 3_000;

const pids = new Set<number>();

function options(place: TestHome, script: string, ...args: string[]): StartOptions {
  mkdirSync(place.paths.run, { recursive: true });
  const file = join(place.root, 'daemon.cjs');
  writeFileSync(file, script);
  const { socket, log } = place.paths;
  return {
    paths: place.paths,
    command: [process.execPath, file, place.root, socket, log, ...args],
    env: process.env,
    uid,
  };
}

/**
 * Processes that a test started, by their own word. A file that is there and not yet written names none: its empty
 * line read as a number is 0, and kill(2) of 0 ends the process group, which is the whole run of the tests.
 */
function started(place: TestHome): number[] {
  const file = join(place.root, 'started');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const found = lines.filter((line) => /^[1-9]\d*$/.test(line)).map(Number);
  for (const pid of found) pids.add(pid);
  return found;
}

afterEach(() => {
  for (const pid of pids) {
    try {
      process.kill(pid);
    } catch {
      // It has ended by itself.
    }
  }
  pids.clear();
});

describe('starting a daemon', () => {
  test('waits for its socket, and leaves it in a session of its own', async () => {
    using place = new TestHome();
    await startDaemon(options(place, DAEMON, '50'));
    const [pid] = started(place);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields 5 and 6, process group and session: proc_pid_stat(5).
    expect(
      stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(2, 4),
    ).toEqual([String(pid), String(pid)]);
  });

  test('writes its output to a log that is private from birth, and appends', async () => {
    using place = new TestHome();
    const script = `process.stdout.write('out\\n'); process.stderr.write('err\\n'); process.exitCode = 1;`;
    for (let round = 0; round < 2; round += 1)
      await startDaemon(options(place, script)).catch(() => undefined);
    expect(readFileSync(place.paths.log, 'utf8')).toBe('out\nerr\nout\nerr\n');
    expect(statSync(place.paths.log).mode & 0o777).toBe(0o600);
    expect(statSync(place.paths.state).mode & 0o777).toBe(0o700);
  });

  test('ends up at one daemon when two clients do it at once', async () => {
    using place = new TestHome();
    const given = options(place, DAEMON, '200');
    await Promise.all([startDaemon(given), startDaemon(given)]);
    const running = started(place).filter((pid) => existsSync(`/proc/${pid}/exe`));
    expect(running).toHaveLength(1);
  });

  test('ends its own daemon when another one was first', async () => {
    using place = new TestHome();
    const late = startDaemon(options(place, DAEMON, '0', '10000'));
    await until(() => started(place).length === 1);
    await startDaemon(options(place, DAEMON, '0'));
    await late;
    const [first, second] = started(place);
    await until(() => !existsSync(`/proc/${first}/exe`));
    expect(existsSync(`/proc/${second}/exe`)).toBe(true);
  });

  test('tells who holds the directory when that goes on', async () => {
    using place = new TestHome();
    const line = JSON.stringify({ failure: { code: 'daemon_held', message: 'Held by 7.', hint: 'End it.' } });
    const script = `process.stderr.write(${JSON.stringify(`${line}\n`)}); process.exitCode = ${DAEMON_HELD_EXIT};`;
    await expect(startDaemon({ ...options(place, script), startMs: HELD_TEST_MS })).rejects.toMatchObject({
      code: 'daemon_held',
      message: 'Held by 7.',
    });
  });

  test('tries again while a daemon that ends still holds the directory', async () => {
    using place = new TestHome();
    const lock = join(place.root, 'lock');
    writeFileSync(lock, '');
    // Once one has found it held and is gone.
    const release = until(() => started(place).some((pid) => !existsSync(`/proc/${pid}/exe`))).then(() =>
      rmSync(lock),
    );
    await startDaemon(options(place, DAEMON, '0'));
    await release;
    expect(started(place).length).toBeGreaterThan(1);
  });
});

describe('a daemon that does not come up', () => {
  test('tells its own error', async () => {
    using place = new TestHome();
    const failure = {
      failure: { code: 'database_newer', message: 'Too new.', hint: 'Use the newer program.' },
    };
    const script = `console.log('noise'); console.log(${JSON.stringify(JSON.stringify(failure))}); process.exit(1);`;
    await expect(startDaemon(options(place, script))).rejects.toMatchObject({
      code: 'database_newer',
      message: 'Too new.',
      hint: 'Use the newer program.',
    });
  });

  test('that says nothing of ours has its last words shown, without what controls a terminal', async () => {
    using place = new TestHome();
    mkdirSync(place.paths.state);
    writeFileSync(place.paths.log, 'of another life\n');
    const script = `for (let n = 0; n < 30; n++) console.log('line ' + n + '\\x1b[2J'); process.exit(9);`;
    const error = await startDaemon(options(place, script)).catch((caught: unknown) => caught as Error);
    expect(error).toMatchObject({ code: 'daemon_unreachable', details: { log: place.paths.log } });
    const { message } = error as Error;
    expect(message).toContain('exit status 9');
    expect(message).toContain('line 29\ufffd[2J');
    expect(message).not.toContain('line 9\ufffd');
    expect(message).not.toContain('another life');
  });

  test('was killed, or is no program at all', async () => {
    using place = new TestHome();
    await expect(startDaemon(options(place, `process.kill(process.pid, 'SIGKILL')`))).rejects.toThrow(
      'SIGKILL',
    );
    const missing = { ...options(place, ''), command: [join(place.root, 'missing')] as const };
    await expect(startDaemon(missing)).rejects.toThrow('ENOENT');
  });

  test('is waited for until the deadline, and told apart from a dead one', async () => {
    using place = new TestHome();
    const slow = { ...options(place, DAEMON, '20000'), startMs: 150 };
    await expect(startDaemon(slow)).rejects.toThrow(/\(pid \d+\) runs, but its socket cannot be used yet/);
    await until(() => started(place).length > 0);
  });

  test('is not waited for by a caller who gives up', async () => {
    using place = new TestHome();
    const signal = AbortSignal.timeout(50);
    await expect(startDaemon({ ...options(place, DAEMON, '20000'), signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    await until(() => started(place).length > 0);
  });
});

describe('a log that cannot be trusted', () => {
  test.each([
    ['is a link', (place: TestHome) => symlinkSync('/dev/null', place.paths.log)],
    ['is a directory', (place: TestHome) => mkdirSync(place.paths.log)],
  ])('because it %s is refused, and nothing is started', async (_name, prepare) => {
    using place = new TestHome();
    mkdirSync(place.paths.state);
    prepare(place);
    await expect(startDaemon(options(place, DAEMON, '0'))).rejects.toMatchObject({ code: 'path_unsafe' });
    expect(started(place)).toEqual([]);
  });

  test("because its directory is a link or another user's is refused", async () => {
    using place = new TestHome();
    mkdirSync(join(place.root, 'elsewhere'));
    symlinkSync('elsewhere', place.paths.state);
    await expect(startDaemon(options(place, DAEMON, '0'))).rejects.toMatchObject({ code: 'path_unsafe' });

    using other = new TestHome();
    mkdirSync(other.paths.state);
    chmodSync(other.paths.state, 0o700);
    const given = { ...options(other, DAEMON, '0'), uid: uid + 1 };
    await expect(startDaemon(given)).rejects.toMatchObject({ code: 'path_unsafe' });
  });
});
