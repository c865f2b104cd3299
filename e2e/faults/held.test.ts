import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { BANGER_BIN } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

const ps = ['vm', 'list'];

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}/cwd`);
}

// Side by side: a client gives whoever holds the directory 20 s to listen or to end.
describe.concurrent('a state directory that somebody holds', () => {
  test('another program: told after a while', async () => {
    const home = FaultHome.empty();
    try {
      await home.list();
      await home.stopDaemon();
      const database = new DatabaseSync(home.at('state', 'banger.db'));
      try {
        database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
        expectFault(await home.run(ps), { code: 'daemon_held', status: 1, says: home.at('state') });
      } finally {
        database.close();
      }
      expect(await home.list()).toEqual([]);
    } finally {
      await home.remove();
    }
  });

  test('a daemon that does not answer, and has no socket: named, and how to end it', async () => {
    const home = FaultHome.empty();
    try {
      const pid = await home.daemonPid();
      process.kill(pid, 'SIGSTOP');
      rmSync(home.at('run', 'bangerd.sock'));
      expectFault(await home.run(ps), {
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
    } finally {
      await home.remove();
    }
  });

  test('a daemon whose directory of sockets was emptied listens again', async () => {
    const home = FaultHome.empty();
    try {
      const pid = await home.daemonPid();
      rmSync(home.at('run'), { recursive: true });
      expect(await home.daemonPid()).toBe(pid);
      expect(statSync(home.at('run')).mode & 0o777).toBe(0o700);
    } finally {
      await home.remove();
    }
  });

  test.each([
    ['deleted', (place: string) => rmSync(place, { recursive: true })],
    ['set aside', (place: string) => renameSync(place, `${place}.old`)],
  ])(
    'a home that is %s, and made anew: the daemon of before ends, and touches nothing of the next one',
    async (_what, lose) => {
      const home = FaultHome.empty();
      const { path } = home;
      try {
        const pid = await home.daemonPid();
        lose(path);
        mkdirSync(path, { mode: 0o700 });
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
        await home.remove();
        rmSync(`${path}.old`, { recursive: true, force: true });
      }
    },
  );

  test('a second daemon ends at once with the status for that, and changes nothing', async () => {
    const home = FaultHome.empty();
    try {
      const pid = await home.daemonPid();
      const second = spawnSync(process.execPath, [join(dirname(BANGER_BIN), 'bangerd.mjs')], {
        env: { ...process.env, BANGER_HOME: home.path },
        encoding: 'utf8',
      });
      expect(second.status).toBe(3);
      expect(second.stderr).toContain(`Another daemon (pid ${pid}) holds ${home.at('state')}`);
      expect(await home.daemonPid()).toBe(pid);
    } finally {
      await home.remove();
    }
  });
});
