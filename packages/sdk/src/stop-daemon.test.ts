import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BangerClient } from './client.ts';
import { stopDaemon } from './stop-daemon.ts';
import { build } from './test-daemon.suite.ts';

/** Over the kernel's largest process id (proc_sys_kernel(5), pid_max): such a process is gone. */
const GONE = 2 ** 22 + 1;

let child: ChildProcess;
beforeEach(async () => {
  child = spawn('sleep', ['30']);
  await once(child, 'spawn');
});
afterEach(() => void child.kill());

/** A client of a daemon that does the given when it is asked to end. */
function client(pid: number, stop: () => Promise<unknown>): Pick<BangerClient, 'call' | 'hello'> {
  return { hello: { protocol: 1, build: build('ours'), pid, busy: [] }, call: stop as BangerClient['call'] };
}

describe('stopping a daemon', () => {
  test('waits until its process is gone', async () => {
    const stop = (): Promise<unknown> =>
      Promise.resolve({
        pid: child.pid,
        busy: ['vm.create box'],
        timer: setTimeout(() => child.kill(), 30),
      });
    const busy = await stopDaemon(client(child.pid ?? 0, stop), { ifIdle: false });
    expect(busy).toEqual(['vm.create box']);
    // Until we have waited for it, a dead child keeps its process id, but no program: proc_pid_exe(5).
    expect(existsSync(`/proc/${child.pid}/exe`)).toBe(false);
  });

  test('is no failure when it went before its answer', async () => {
    await stopDaemon(
      client(GONE, () => Promise.reject(new BangerError('daemon_unreachable', 'lost'))),
      {
        ifIdle: true,
      },
    );
  });

  test('fails with what the daemon answers', async () => {
    const stop = (): Promise<unknown> => Promise.reject(new BangerError('internal', 'no'));
    await expect(stopDaemon(client(GONE, stop), { ifIdle: false })).rejects.toMatchObject({
      code: 'internal',
    });
  });

  test.each([
    ['does not end', () => Promise.resolve({ busy: [] })],
    ['does not even answer', () => new Promise(() => undefined)],
  ])('fails when it %s', async (_name, stop) => {
    const running = client(child.pid ?? 0, stop);
    await expect(stopDaemon(running, { ifIdle: false, stopMs: 30 })).rejects.toMatchObject({
      code: 'daemon_unreachable',
    });
    await expect(
      stopDaemon(running, { ifIdle: false, signal: AbortSignal.timeout(10) }),
    ).rejects.toMatchObject({ code: 'cancelled' });
  });
});
