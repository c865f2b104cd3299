import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BANGER_BIN, type Outcome } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';
import { HostClock } from './host-clock.ts';

/** What a client gives whoever holds the directory to listen or to end. */
const HELD_MS = 20_000;

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}/cwd`);
}

describe('a state directory that somebody holds', () => {
  let home: FaultHome;
  let clock: HostClock;
  beforeEach(() => {
    home = FaultHome.empty();
    clock = new HostClock(home.path);
    home.env = clock.env;
  });
  afterEach(async () => {
    await home.remove();
    clock.close();
  });

  /** A command that finds it held again and again; only then the time passes that it gives the holder. */
  async function refused(): Promise<Outcome> {
    const log = home.at('state', 'bangerd.log');
    const told = (): number => readFileSync(log, 'utf8').match(/"daemon_held"/g)?.length ?? 0;
    const before = told();
    let over = false;
    const command = home.run(['vm', 'list']).finally(() => (over = true));
    await until('it to be found held twice', async () => (told() >= before + 2 ? true : undefined));
    expect(over).toBe(false);
    clock.pass(HELD_MS);
    return command;
  }

  test('another program: told after a while', async () => {
    await home.list();
    await home.stopDaemon();
    const database = new DatabaseSync(home.at('state', 'banger.db'));
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
      expectFault(await refused(), { code: 'daemon_held', status: 1, says: home.at('state') });
    } finally {
      database.close();
    }
    expect(await home.list()).toEqual([]);
  });

  test('a daemon that does not answer, and has no socket: named, and how to end it', async () => {
    const pid = await home.daemonPid();
    process.kill(pid, 'SIGSTOP');
    rmSync(home.at('run', 'bangerd.sock'));
    expectFault(await refused(), {
      code: 'daemon_held',
      status: 1,
      says: new RegExp(`\\(pid ${pid}\\)[^]*kill ${pid}`),
    });
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    await until('the daemon to be gone', async () =>
      processesOf(home.path).length === 0 ? true : undefined,
    );
    expect(await home.list()).toEqual([]);
  });

  test('a daemon whose directory of sockets was emptied listens again', async () => {
    const pid = await home.daemonPid();
    rmSync(home.at('run'), { recursive: true });
    expect(await home.daemonPid()).toBe(pid);
    expect(statSync(home.at('run')).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['deleted', (place: string) => rmSync(place, { recursive: true })],
    ['set aside', (place: string) => renameSync(place, `${place}.old`)],
  ])(
    'a home that is %s, and made anew: the daemon of before ends, and touches nothing of the next one',
    async (_what, lose) => {
      const { path } = home;
      // The clock lies in it.
      home.env = {};
      const pid = await home.daemonPid();
      lose(path);
      mkdirSync(path, { mode: 0o700 });
      try {
        const next = await home.daemonPid();
        expect(next).not.toBe(pid);
        // What both would take for a leftover of a daemon before it.
        const begun = home.at('state', 'images', '.staging-x.0123456789ab');
        mkdirSync(begun, { recursive: true, mode: 0o700 });
        await until('the daemon of before to end', async () => (runs(pid) ? undefined : true));
        expect(await home.daemonPid()).toBe(next);
        expect(existsSync(begun)).toBe(true);
        expect(existsSync(home.at('state', 'bangerd.json'))).toBe(true);
        // What it wrote is there for whoever comes after it.
        process.kill(next, 'SIGKILL');
        expect(await home.list()).toEqual([]);
      } finally {
        rmSync(`${path}.old`, { recursive: true, force: true });
      }
    },
  );

  test('a second daemon ends at once with the status for that, and changes nothing', async () => {
    const pid = await home.daemonPid();
    const second = spawnSync(process.execPath, [join(dirname(BANGER_BIN), 'bangerd.mjs')], {
      env: { ...process.env, BANGER_HOME: home.path },
      encoding: 'utf8',
    });
    expect(second.status).toBe(3);
    expect(second.stderr).toContain(`Another daemon (pid ${pid}) holds ${home.at('state')}`);
    expect(await home.daemonPid()).toBe(pid);
  });
});
