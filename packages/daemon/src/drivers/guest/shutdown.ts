import type { RequestOptions, ShutdownKind } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { ask, type AgentChannel } from './request.ts';

export const ShutdownTag = { how: 1 } as const;
const ShutdownHow: Readonly<Record<ShutdownKind, number>> = {
  'power-off': 1,
  reboot: 2,
  'power-off-at-once': 3,
};

/** A guest with gigabytes of dirty pages on a slow disk needs this long to write them. */
const SYNC_TIMEOUT_MS = 120_000;

/** Writes what the guest's kernel holds to its disks (guest/PROTOCOL.md, sync). */
export function sync(channel: AgentChannel, options: RequestOptions): Promise<void> {
  const fields = new FieldWriter();
  return ask(
    channel,
    {
      timeoutMs: SYNC_TIMEOUT_MS,
      ...options,
      type: MessageType.sync,
      fields,
      name: 'sync',
      what: 'write its disks',
    },
    () => undefined,
  );
}

/** Begins the end of the machine (guest/PROTOCOL.md, shutdown). */
export function shutdown(channel: AgentChannel, how: ShutdownKind, options: RequestOptions): Promise<void> {
  const fields = new FieldWriter().u8(ShutdownTag.how, ShutdownHow[how]);
  return ask(
    channel,
    { ...options, type: MessageType.shutdown, fields, name: 'shutdown', what: 'shut down' },
    () => undefined,
  );
}
