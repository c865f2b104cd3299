import type { VmmHandle } from '../../drivers/vmm/driver.ts';
import type { NetworkHandle, GuestAddresses } from '../../drivers/network/driver.ts';

/** What is kept of a running VM so that a new daemon finds it again: nothing in it can be found by looking. */
export interface VmRuntimeRow {
  readonly vmm: VmmHandle;
  readonly network: NetworkHandle | undefined;
  /** What the guest was or will be told of its addresses; absent without a NIC. */
  readonly addresses: GuestAddresses | undefined;
  /** The agent channel's key, hexadecimal; secret. */
  readonly agentKey: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Bytes that the console log had before this run; absent in the rows of older daemons. */
  readonly consoleFrom?: number;
}
