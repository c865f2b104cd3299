import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { listenOnUnixSocket, type UnixServer } from '@banger/testkit/unix-server';
import type { GuestSession } from '../driver.ts';
import { createGuestDriver } from '../unix-channel.ts';
import type { GuestUnderTest } from './harness.ts';

/** How long a guest on this machine may take to answer a hello, while other tests keep both cores busy. */
const CONNECT_DEADLINE_MS = 9_000;

/**
 * A way to a guest that can be cut: the guest sees its connection end in the middle of whatever was under way, with no
 * word from the driver.
 */
export class CuttableChannel {
  readonly #guest: GuestUnderTest;
  readonly #key: Uint8Array;
  readonly #sessions: GuestSession[] = [];
  readonly #relays: UnixServer[] = [];
  #pair: { readonly host: Socket; readonly guest: Socket } | undefined;

  constructor(guest: GuestUnderTest, key: Uint8Array) {
    this.#guest = guest;
    this.#key = key;
  }

  /** Connects anew. */
  async connect(directory: string): Promise<GuestSession> {
    const path = join(directory, `relay-${this.#relays.length}`);
    const relay = await listenOnUnixSocket(path, (host) => {
      const guest = createConnection(this.#guest.socket);
      this.#pair = { host, guest };
      guest.on('error', () => host.destroy());
      host.on('error', () => guest.destroy());
      host.pipe(guest).pipe(host);
    });
    this.#relays.push(relay);
    const target = { kind: 'unix', path, key: this.#key } as const;
    const session = await createGuestDriver().connect(target, { deadlineMs: CONNECT_DEADLINE_MS });
    this.#sessions.push(session);
    return session;
  }

  /** Both ends see their connection end. */
  cut(): void {
    this.#pair?.guest.destroy();
    this.#pair?.host.destroy();
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.close();
    this.cut();
    await Promise.all(this.#relays.map((relay) => relay.close()));
  }
}
