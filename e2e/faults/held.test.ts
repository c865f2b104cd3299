import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { BANGER_BIN } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

const ps = ['vm', 'list'];

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

  test('a daemon whose socket was taken away: named, and how to end it', async () => {
    const home = FaultHome.empty();
    try {
      const pid = await home.daemonPid();
      rmSync(home.at('run', 'bangerd.sock'));
      expectFault(await home.run(ps), {
        code: 'daemon_held',
        status: 1,
        says: new RegExp(`\\(pid ${pid}\\)[^]*kill ${pid}`),
      });
      process.kill(pid, 'SIGTERM');
      await until('the daemon to be gone', async () =>
        processesOf(home.path).length === 0 ? true : undefined,
      );
      expect(await home.list()).toEqual([]);
    } finally {
      await home.remove();
    }
  });

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
