import { isBangerError, toBangerError } from '@banger/contract/error';
import type { VmStats } from '@banger/contract/guest';
import type { GuestStats } from '../../drivers/guest/driver.ts';
import type { LiveVm } from './live.ts';

/** What a guest that is there is waited for: the host's figures are ready, and somebody wants to see them. */
const PATIENCE_MS = 3_000;

/** What a guest tells of itself, over the while that `pause` lasts; or why it tells nothing. */
export async function guestStats(
  { agent, session }: Pick<LiveVm, 'agent' | 'session'>,
  vcpu: number,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<Pick<VmStats, 'guest' | 'guestReason'>> {
  if (session === undefined || agent.state === 'silent') return { guestReason: agent.reason };
  try {
    const before = await session.stats({ signal, timeoutMs: PATIENCE_MS });
    await pause();
    const after = await session.stats({ signal, timeoutMs: PATIENCE_MS });
    return { guest: figures(before, after, vcpu), guestReason: '' };
  } catch (error) {
    if (isBangerError(error, 'cancelled')) throw error;
    return { guestReason: toBangerError(error).message };
  }
}

/** A guest may claim anything: what cannot be is brought to what can, so that no figure is negative, infinite or no number. */
function figures(before: GuestStats, after: GuestStats, vcpu: number): NonNullable<VmStats['guest']> {
  const { memory, network, fileSystems, processes, load, uptimeSeconds } = after;
  return {
    cpus: busyShare(before.cpu, after.cpu) * vcpu,
    memory: { totalBytes: memory.total, usedBytes: Math.max(0, memory.total - memory.available) },
    fileSystems: fileSystems.map(({ mountPoint, size, free }) => ({
      mountPoint,
      sizeBytes: size,
      freeBytes: Math.min(free, size),
    })),
    network: { receivedBytes: network.received, sentBytes: network.sent },
    processes,
    load,
    uptimeSeconds,
  };
}

/** From 0, idle, to 1. */
function busyShare(before: GuestStats['cpu'], after: GuestStats['cpu']): number {
  const total = after.totalTicks - before.totalTicks;
  const idle = after.idleTicks - before.idleTicks;
  return total <= 0 ? 0 : Math.min(1, Math.max(0, (total - idle) / total));
}
