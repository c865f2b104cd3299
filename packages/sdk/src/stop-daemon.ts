import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import { cancelled } from './call-errors.ts';
import type { BangerClient } from './client.ts';

/** An idle daemon ends within milliseconds; this much on a loaded machine. */
const STOP_MS = 10_000;
const POLL_MS = 10;

/**
 * Asks a daemon to end and waits until its process is gone, so that the next one finds the state directory free. Rejects
 * with `daemon_unreachable` when it still runs after `stopMs`.
 */
export async function stopDaemon(
  client: Pick<BangerClient, 'call' | 'hello'>,
  signal?: AbortSignal,
  stopMs: number = STOP_MS,
): Promise<void> {
  const { pid } = client.hello;
  const deadline = performance.now() + stopMs;
  await Promise.race([
    ask(client),
    sleep(stopMs, undefined, { ref: false, ...(signal && { signal }) }),
  ]).catch((error: unknown) => {
    throw signal?.aborted === true ? cancelled(error) : error;
  });
  while (isAlive(pid)) {
    if (signal?.aborted === true) throw cancelled();
    if (performance.now() > deadline) {
      throw new BangerError(
        'daemon_unreachable',
        `The daemon (pid ${pid}) was asked to end and still runs.`,
        {
          details: { pid },
        },
      );
    }
    await sleep(POLL_MS);
  }
}

async function ask(client: Pick<BangerClient, 'call'>): Promise<void> {
  try {
    await client.call('daemon.stop', {});
  } catch (error) {
    // It may be gone before its answer, for instance because another client asked first.
    if (!isBangerError(error, 'daemon_unreachable')) throw error;
  }
}

/** An ended process holds nothing any more, even while its parent has yet to collect it: state Z, proc_pid_stat(5). */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before the state is the process's own choice and may hold brackets.
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
