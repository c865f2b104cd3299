import { z } from 'zod';
import { BangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import type { QmpConnection } from './qmp-connection.ts';

/** connect(2) on a unix socket is answered at once when somebody listens. */
const LINK_DEADLINE_MS = 2_000;
const LINK_POLL_MS = 10;

/**
 * Waits until the guest's interface is connected to its network. QEMU 7.2 starts all the same when nobody listens there
 * and never tries again, and tells so only in this text (`net/stream.c`).
 */
export async function awaitNetworkLink(qmp: QmpConnection, clock: Clock, socket: string): Promise<void> {
  const deadline = clock.monotonic() + LINK_DEADLINE_MS;
  for (;;) {
    const answer = await qmp.execute('human-monitor-command', { 'command-line': 'info network' });
    const link = /type=stream,([^\r\n]*)/.exec(z.string().parse(answer))?.[1]?.trim() ?? '';
    if (link !== '' && !link.includes('error')) return;
    if (link !== '' || clock.monotonic() >= deadline)
      throw new BangerError('vmm_failed', `Nobody listens on the network's socket ${socket}.`, {
        details: { socket },
      });
    await clock.sleep(LINK_POLL_MS);
  }
}
