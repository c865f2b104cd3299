import { vmStatsSchema } from '@banger/contract/guest';
import { BangerError } from '@banger/contract/error';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GuestSession, GuestStats } from '../../drivers/guest/driver.ts';
import { diskUse } from './disk-use.ts';
import { guestStats } from './guest-stats.ts';

const never = new AbortController().signal;
const pause = (): Promise<void> => Promise.resolve();
const ready = { state: 'ready', since: 0, reason: '' } as const;

/** Tells these figures, one after another. */
function telling(...figures: readonly (GuestStats | Error)[]): Parameters<typeof guestStats>[0] {
  const left = [...figures];
  const stats = async (): Promise<GuestStats> => {
    const next = left.shift();
    if (next === undefined) throw new Error('It was asked once too often.');
    if (next instanceof Error) throw next;
    return next;
  };
  return { agent: ready, session: { stats } as unknown as GuestSession };
}

const figures = (change: Partial<GuestStats> = {}): GuestStats => ({
  uptimeSeconds: 60,
  cpu: { totalTicks: 1000, idleTicks: 900 },
  memory: { total: 1000, available: 400 },
  fileSystems: [{ mountPoint: '/', size: 1000, free: 50 }],
  load: 0.5,
  network: { received: 1, sent: 2 },
  processes: 3,
  ...change,
});

test('CPU is that of the while between two reads', async () => {
  const { guest } = await guestStats(
    telling(figures(), figures({ cpu: { totalTicks: 1100, idleTicks: 925 } })),
    2,
    pause,
    never,
  );
  expect(guest).toMatchObject({ cpus: 1.5, memory: { totalBytes: 1000, usedBytes: 600 } });
});

test('what cannot be is brought to what can', async () => {
  const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const lie = fc.record({
    uptimeSeconds: number,
    cpu: fc.record({ totalTicks: number, idleTicks: number }),
    memory: fc.record({ total: number, available: number }),
    fileSystems: fc.array(fc.record({ mountPoint: fc.string(), size: number, free: number })),
    load: number,
    network: fc.record({ received: number, sent: number }),
    processes: number,
  });
  await fc.assert(
    fc.asyncProperty(lie, lie, async (before, after) => {
      const told = await guestStats(telling(before, after), 4, pause, never);
      expect(told.guest?.cpus).toBeGreaterThanOrEqual(0);
      expect(told.guest?.cpus).toBeLessThanOrEqual(4);
      expect(told.guest?.memory.usedBytes).toBeGreaterThanOrEqual(0);
      const disk = diskUse({ disk: 'root', usedBytes: 10, sizeBytes: 100 }, told.guest);
      expect(disk.full).toBeGreaterThanOrEqual(0);
      expect(disk.full).toBeLessThanOrEqual(1);
      const host = { cpus: 0, residentBytes: 0, disks: [disk] };
      expect(vmStatsSchema.safeParse({ id: 'x', name: 'x', host, ...told }).error).toBeUndefined();
    }),
  );
});

test('a guest that tells nothing says why, and is not asked while it is silent', async () => {
  const lost = new BangerError('agent_lost', 'The channel ended.');
  expect(await guestStats(telling(lost), 1, pause, never)).toEqual({ guestReason: 'The channel ended.' });
  expect(await guestStats(telling(figures(), lost), 1, pause, never)).toMatchObject({
    guestReason: 'The channel ended.',
  });
  const silent = { ...telling(), agent: { state: 'silent', since: 0, reason: 'It sleeps.' } } as const;
  expect(await guestStats(silent, 1, pause, never)).toEqual({ guestReason: 'It sleeps.' });
  const cancelled = new BangerError('cancelled', 'No more.');
  await expect(guestStats(telling(cancelled), 1, pause, never)).rejects.toBe(cancelled);
});

test('a disk is nearly full by what the host or the guest sees of it', () => {
  const told = { disk: 'root', usedBytes: 10, sizeBytes: 100 } as const;
  const guest = {
    ...{ cpus: 0, memory: { totalBytes: 1, usedBytes: 1 }, network: { receivedBytes: 0, sentBytes: 0 } },
    ...{ processes: 1, load: 0, uptimeSeconds: 1 },
    fileSystems: [
      { mountPoint: '/', sizeBytes: 1000, freeBytes: 100 },
      { mountPoint: '/root', sizeBytes: 1000, freeBytes: 1000 },
    ],
  };
  expect(diskUse(told, undefined)).toMatchObject({ full: 0.1, nearlyFull: false });
  expect(diskUse(told, guest)).toMatchObject({ full: 0.9, nearlyFull: true });
  expect(diskUse({ ...told, disk: 'work' }, guest)).toMatchObject({ full: 0.1, nearlyFull: false });
  expect(diskUse({ ...told, usedBytes: 103 }, undefined)).toMatchObject({ full: 1, nearlyFull: true });
});
