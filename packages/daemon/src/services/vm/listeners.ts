import type { VmPort } from '@banger/contract/guest';
import type { GuestPort } from '../../drivers/guest/driver.ts';

/** What a program listens on, before it is known what it speaks. */
export type Listener = Omit<VmPort, 'service'>;

/**
 * Each listener once, by port: the kernel lists a socket for each address and each of IPv4 and IPv6, and a server may have several
 * processes on one port. Two programs that share a number on different addresses stay two.
 */
export function listenersOf(vmName: string, ports: readonly GuestPort[]): Listener[] {
  const found = new Map<string, Listener>();
  for (const { protocol, address, port, pid, program } of ports) {
    const key = `${protocol} ${port} ${program ?? ''}`;
    const known = found.get(key);
    const addresses = [...new Set([...(known?.addresses ?? []), address])];
    found.set(key, {
      endpoint: `${vmName}.vm:${port}`,
      protocol,
      port,
      ...(pid === undefined ? {} : { pid }),
      ...(program === undefined ? {} : { program }),
      ...known,
      addresses,
    });
  }
  return [...found.values()].toSorted((a, b) => a.port - b.port || a.protocol.localeCompare(b.protocol));
}

/** Any address of the guest. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** The address by which a listener is reached from within the guest. */
export function dialAddressOf({ addresses }: Listener): string {
  const [first] = addresses;
  return first === undefined || addresses.some((address) => WILDCARDS.has(address)) ? 'localhost' : first;
}
