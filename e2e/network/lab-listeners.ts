import { addresses, type Lab, type ListenerGroup } from './lab.ts';
import type { Target } from './prober.ts';

/** Of the listeners on every address at once, and of everything on the outside. */
export const WILDCARD_PORT = 7000;
/** Of the listeners on each single address of the host. */
export const SINGLE_PORT = 7001;

/** Every address of the host that a program may listen on, metadata addresses that it serves included. */
export const hostAddresses: readonly string[] = [...Object.values(addresses.host), ...addresses.hostMetadata];

/** Addresses of the outside that a guest must reach, the control of every isolation test. */
export const outsideAddresses = [
  addresses.outside4,
  addresses.outside6,
  addresses.far4,
  addresses.far6,
] as const;

/** A port of an address over both protocols. */
export function both(address: string, port: number): Target[] {
  return [
    { protocol: 'tcp', address, port },
    { protocol: 'udp', address, port },
  ];
}

/** The listeners of an isolation test. */
export interface LabListeners {
  readonly onHost: ListenerGroup;
  readonly onOutside: ListenerGroup;
}

/** Listens on everything that the host has, its resolver included, and on the outside. */
export async function listenEverywhere(lab: Lab): Promise<LabListeners> {
  const onHost = await lab.listen('host', [
    { address: '0.0.0.0', port: WILDCARD_PORT },
    { address: '::', port: WILDCARD_PORT },
    ...hostAddresses.map((address) => ({ address, port: SINGLE_PORT })),
    { address: '127.0.0.53', port: 53 },
  ]);
  // One listener an address: UDP answers of a wildcard listener have the interface's own address as source.
  const onOutside = await lab.listen(
    'outside',
    [...outsideAddresses, ...addresses.outsideMetadata].map((address) => ({ address, port: WILDCARD_PORT })),
  );
  return { onHost, onOutside };
}
