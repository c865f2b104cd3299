import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { GuestSession } from '../driver.ts';
import { CuttableChannel } from './cuttable-channel.suite.ts';
import type { GuestUnderTest } from './harness.ts';

/** A configured guest for each test, and a session with it. */
export interface UsedGuest {
  session: GuestSession;
  /** A directory that exists in the guest and is empty. */
  directory: string;
  channel: CuttableChannel;
}

/** Starts a guest before each test and ends it afterwards; `start` gives a fresh, unconfigured one. */
export function useGuest(start: (directory: string) => Promise<GuestUnderTest>): UsedGuest {
  const used = {} as UsedGuest;
  let place: string;
  let guest: GuestUnderTest;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'banger-guest-'));
    guest = await start(place);
    used.channel = new CuttableChannel(guest, randomBytes(32));
    used.session = await used.channel.connect(place);
    used.directory = guest.directory;
    await used.session.configure({});
  });
  afterEach(async () => {
    await used.channel.close();
    await guest.close();
    await rm(place, { recursive: true, force: true });
  });
  return used;
}
