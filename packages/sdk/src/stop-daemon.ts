import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import { SHUTDOWN_DEADLINE_MS } from '@banger/contract/shutdown';
import { cancelled } from './call-errors.ts';
import type { BangerClient } from './client.ts';

/** An idle daemon ends within milliseconds, a busy one by its deadline; the rest is for a loaded machine. */
const STOP_MS = SHUTDOWN_DEADLINE_MS + 10_000;
const POLL_MS = 10;

/** How a daemon is ended. */
export interface StopOptions {
  /** Only when nothing would be cut off. */
  readonly ifIdle: boolean;
  readonly signal?: AbortSignal | undefined;
  /** How long its end may take. */
  readonly stopMs?: number;
}

/**
 * Asks a daemon to end and waits until its process is gone, so that the next one finds the state directory free; resolves
 * with what it was busy with, as far as it could still say. Rejects with `daemon_unreachable` when it still runs after `stopMs`, and, with `ifIdle`, with `daemon_build_mismatch` when it is
 * busy at that moment: it then goes on.
 */
export async function stopDaemon(
  client: Pick<BangerClient, 'call' | 'hello'>,
  { ifIdle, signal, stopMs = STOP_MS }: StopOptions,
): Promise<readonly string[]> {
  const { pid } = client.hello;
  const deadline = performance.now() + stopMs;
  let busy: readonly string[] = [];
  await Promise.race([
    ask(client, ifIdle).then((answer) => (busy = answer)),
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
  return busy;
}

async function ask(client: Pick<BangerClient, 'call'>, ifIdle: boolean): Promise<readonly string[]> {
  try {
    return (await client.call('daemon.stop', { ifIdle })).busy;
  } catch (error) {
    // It may be gone before its answer, for instance because another client asked first.
    if (!isBangerError(error, 'daemon_unreachable')) throw error;
    return [];
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
