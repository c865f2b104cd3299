import { z } from 'zod';
import { BangerError } from '@banger/contract/error';
import type { VmmHandle } from '../driver.ts';

const schema = z.object({
  driver: z.literal('qemu'),
  id: z.string(),
  token: z.string(),
  process: z.object({ pid: z.int().positive(), startTicks: z.number(), bootId: z.string() }),
  controlSocket: z.string(),
  agentSocket: z.string(),
  version: z.string(),
  accel: z.enum(['kvm', 'tcg']),
  vmmLog: z.string(),
  /** Bytes that the log had when this process began. */
  vmmLogStart: z.int().nonnegative(),
});

/** The handle of a QEMU process. */
export type QemuHandle = VmmHandle & z.infer<typeof schema>;

/** A handle that came back from the store; rejects with `internal` when it is not one of ours. */
export function qemuHandle(handle: VmmHandle): QemuHandle {
  const parsed = schema.safeParse(handle);
  if (parsed.success) return parsed.data;
  throw new BangerError('internal', 'A stored VMM handle is not one of the QEMU driver.', {
    cause: parsed.error,
  });
}
