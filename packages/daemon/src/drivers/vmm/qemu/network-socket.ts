import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { BangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import type { QmpConnection } from './qmp-connection.ts';

/** QEMU begins to listen before it answers, in a thread of its own: the one is there when the other is, but for a moment. */
const LISTEN_DEADLINE_MS = 2_000;
const LISTEN_POLL_MS = 5;

/**
 * Waits until QEMU listens for the guest's network. It starts all the same when it cannot, and tells so only in the text of `info network`
 * (`net/stream.c`), which says nothing at all of one that listens (QEMU 7.2).
 */
export async function awaitNetworkSocket(qmp: QmpConnection, clock: Clock, socket: string): Promise<void> {
  const deadline = clock.monotonic() + LISTEN_DEADLINE_MS;
  for (;;) {
    if ((await stat(socket).catch(() => undefined))?.isSocket() === true) return;
    const answer = await qmp.execute('human-monitor-command', { 'command-line': 'info network' });
    const state = /type=stream,([^\r\n]*)/.exec(z.string().parse(answer))?.[1]?.trim() ?? '';
    if (state.includes('error') || clock.monotonic() >= deadline)
      throw new BangerError('vmm_failed', `QEMU does not listen for the network at ${socket} (${state}).`, {
        details: { socket },
      });
    await clock.sleep(LISTEN_POLL_MS);
  }
}
