import { join } from 'node:path';
import type { NetworkAttachment, VmmNetwork } from '@banger/daemon/drivers/network/driver';
import type { Lab } from './lab.ts';

const repository = join(import.meta.dirname, '../..');

/** The programs made from netguard's folder. */
export const netguardProgram = join(repository, 'build/netguard/netguard');
const tapBridge = join(repository, 'build/netguard/tap-bridge');

const INTERFACE = 'eth0';

/** A guest that is attached; its NIC goes with `close`. */
export interface TapGuest {
  close(): Promise<void>;
}

/**
 * Makes the lab's guest namespace the guest of a network, and waits until that is ready: a TAP device whose frames go to netguard as QEMU's
 * do, with the addresses that an agent would configure. Loopback stays down, so that loopback addresses leave by the NIC like any other.
 */
export async function attachTapGuest(
  lab: Lab,
  nic: VmmNetwork,
  { guest, ready }: NetworkAttachment,
): Promise<TapGuest> {
  if (nic.kind !== 'stream' || guest === undefined) throw new Error('This network has no NIC.');
  const bridge = await lab.start('guest', [tapBridge, INTERFACE, nic.socket]);
  await ready(new AbortController().signal);
  const ip = (...args: readonly string[]) => lab.exec('guest', 'ip', ...args);
  await ip('link', 'set', INTERFACE, 'address', guest.mac, 'mtu', String(guest.mtu), 'up');
  for (const own of [guest.ipv4, guest.ipv6]) {
    if (own === undefined) continue;
    const flags = own.address.includes(':') ? ['nodad'] : [];
    await ip('address', 'add', `${own.address}/${own.prefixLength}`, 'dev', INTERFACE, ...flags);
    await ip('route', 'add', 'default', 'via', own.gateway, 'dev', INTERFACE);
  }
  return { close: () => lab.end(bridge) };
}
