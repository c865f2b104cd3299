import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BANGER_BIN } from '../harness/banger.ts';
import { entries, processesOf } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

/** Any user that is not the one who runs the tests. */
const STRANGER = 54_321;
const GIVEN_AWAY = 'only root can give a file to another user';
const isPlain = process.getuid?.() !== 0;
const ps = ['vm', 'list'];

let home: FaultHome;
beforeEach(() => {
  home = FaultHome.empty();
});
afterEach(() => home.remove());

/** Expects that the same command works, now that the fault is mended. */
async function expectMended(): Promise<void> {
  expect(await home.list()).toEqual([]);
}

/** Expects that nobody was left to serve a home that cannot be used. */
function expectNoDaemon(): void {
  expect(processesOf(home.path)).toEqual([]);
  expect(existsSync(home.at('state', 'bangerd.json'))).toBe(false);
}

describe('the state database', () => {
  const file = (): string => home.at('state', 'banger.db');

  /** What a daemon made in a state directory, and left when it was stopped. */
  let left: string;
  beforeAll(async () => {
    left = mkdtempSync(join(tmpdir(), 'banger-left-'));
    const first = FaultHome.empty();
    await first.list();
    await first.stopDaemon();
    execFileSync('cp', ['--archive', first.at('state'), left]);
    await first.remove();
  });
  afterAll(() => rmSync(left, { recursive: true }));

  /** A home with a database that a daemon made, and none that runs. */
  const used = (): void => void execFileSync('cp', ['--archive', join(left, 'state'), home.path]);

  test.each([
    [
      'is something else',
      () => writeFileSync(file(), 'this is no database, but long enough to be read as one\n'.repeat(20)),
    ],
    ['was cut short', () => truncateSync(file(), 1_000)],
    ['has a hole', () => writeFileSync(file(), readFileSync(file()).fill(0xff, 100, 3_000))],
  ])('that %s is refused and left as it is', async (_what, damage) => {
    used();
    damage();
    const before = readFileSync(file());
    expectFault(await home.run(ps), { code: 'database_corrupt', status: 1, says: file() });
    expectFault(await home.run(['vm', 'run', '--', 'true']), { code: 'database_corrupt', status: 125 });
    expect(readFileSync(file())).toEqual(before);
    expectNoDaemon();
    renameSync(file(), `${file()}.aside`);
    await expectMended();
  });

  test('of a newer banger is refused and left as it is', async () => {
    used();
    const database = new DatabaseSync(file());
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    database.exec('PRAGMA user_version = 999');
    database.close();
    const before = readFileSync(file());
    // What the refused daemon said is in the log.
    const beside = entries(home.path, 'state').filter((name) => name !== 'bangerd.log');
    expectFault(await home.run(ps), { code: 'database_newer', status: 1, says: /version 999/ });
    expect(readFileSync(file())).toEqual(before);
    expect(entries(home.path, 'state').filter((name) => name !== 'bangerd.log')).toEqual(beside);
    expectNoDaemon();
    const mended = new DatabaseSync(file());
    mended.exec(`PRAGMA user_version = ${version}`);
    mended.close();
    await expectMended();
  });

  test('that is a directory is refused', async () => {
    mkdirSync(file(), { recursive: true, mode: 0o700 });
    chmodSync(home.at('state'), 0o700);
    expectFault(await home.run(ps), { code: 'database_corrupt', status: 1, says: file() });
    rmSync(file(), { recursive: true });
    await expectMended();
  });
});

describe('a place that is not ours', () => {
  const refused = async (what: RegExp | string): Promise<void> => {
    expectFault(await home.run(ps), { code: 'path_unsafe', status: 1, says: what });
    expectNoDaemon();
  };

  /** Tries a fault in each directory of a home, one after the other, and that all works once the last one is mended. */
  async function inEach(fault: (path: string) => Promise<void>): Promise<void> {
    for (const path of ['state', 'run', 'cache'].map((directory) => home.at(directory))) {
      // A command that was refused may have made those that are well.
      rmSync(path, { recursive: true, force: true });
      await fault(path);
    }
    await expectMended();
  }

  test('state, run or cache is a symbolic link', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'banger-elsewhere-'));
    try {
      await inEach(async (path) => {
        symlinkSync(elsewhere, path);
        await refused(`${path} is a symbolic link`);
        rmSync(path);
      });
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  test('state, run or cache is a file', () =>
    inEach(async (path) => {
      writeFileSync(path, '');
      await refused(path);
      rmSync(path);
    }));

  test('state, run or cache belongs to another user', async ({ skip }) => {
    skip(isPlain, GIVEN_AWAY);
    await inEach(async (path) => {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, STRANGER, STRANGER);
      await refused(`${path} belongs to another user (uid ${STRANGER})`);
      chownSync(path, 0, 0);
    });
  });

  test('the home belongs to another user, who could replace what is in it', async ({ skip }) => {
    skip(isPlain, GIVEN_AWAY);
    chownSync(home.path, STRANGER, STRANGER);
    await refused(`${home.path} belongs to another user (uid ${STRANGER})`);
    chownSync(home.path, 0, 0);
    await expectMended();
  });

  test('the home lies where everybody may write', async () => {
    chmodSync(home.path, 0o777);
    await refused(`${home.path} can be written by every user`);
    chmodSync(home.path, 0o700);
    await expectMended();
  });

  test('a directory that is open to others is made private, and used', async () => {
    for (const directory of ['state', 'run', 'cache']) mkdirSync(home.at(directory), { mode: 0o755 });
    await expectMended();
    await home.stopDaemon();
  });

  test('there is no making of directories', async () => {
    const outcome = await home.run(ps, { env: {} });
    expect(outcome.status).toBe(0);
    await home.stopDaemon();
    const { BANGER_BIN: _, ...env } = process.env;
    const nowhere = spawnSync(process.execPath, [BANGER_BIN, ...ps], {
      env: { ...env, BANGER_HOME: '/proc/banger' },
      encoding: 'utf8',
    });
    expectFault(nowhere, { code: 'path_unsafe', status: 1, says: '/proc/banger' });
  });
});

describe('the socket', () => {
  const socket = (): string => home.at('run', 'bangerd.sock');
  beforeEach(() => mkdirSync(home.at('run'), { mode: 0o700 }));

  const refused = async (what: string): Promise<void> => {
    expectFault(await home.run(ps), { code: 'path_unsafe', status: 1, says: `${socket()} ${what}` });
    expectNoDaemon();
    rmSync(socket());
  };

  test('is a file, or a symbolic link', async () => {
    writeFileSync(socket(), 'mine');
    await refused('is not a socket');
    symlinkSync('/dev/null', socket());
    await refused('is not a socket');
    await expectMended();
  });

  test('is one of another user', async ({ skip }) => {
    skip(isPlain, GIVEN_AWAY);
    await leaveSocket(socket());
    lchownSync(socket(), STRANGER, STRANGER);
    await refused(`belongs to another user (uid ${STRANGER})`);
    await expectMended();
  });

  test('was left by a daemon that died: it is replaced', async () => {
    await leaveSocket(socket());
    await expectMended();
    const pid = await home.daemonPid();
    process.kill(pid, 'SIGKILL');
    await until('the daemon to be gone', async () =>
      processesOf(home.path).length === 0 ? true : undefined,
    );
    expect(existsSync(socket())).toBe(true);
    await expectMended();
  });
});

/** Leaves a socket behind, as SIGKILL does: nobody listens, the file stays. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  renameSync(path, `${path}.kept`);
  await new Promise((resolve) => void server.close(resolve));
  renameSync(`${path}.kept`, path);
}
