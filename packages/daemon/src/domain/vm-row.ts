import type { VmSpec, VmState, VmStep } from '@banger/contract/vm';
import type { ImageDefaults } from './image-defaults.ts';

/** What is kept of a VM: intent and identity. What is seen of a running one is `VmRuntimeRow`. */
export interface VmRow {
  readonly id: string;
  readonly spec: VmSpec;
  readonly state: VmState;
  readonly phase: string;
  readonly reason: string;
  readonly hint: string;
  /** Milliseconds since 1970. */
  readonly stateSince: number;
  readonly createdAt: number;
  /** When it was last used, as last written: `VmUses` knows what came since. */
  readonly lastUsedAt: number;
  /**
   * Deleted by the next daemon when this one is killed: it is tied to the client that made it, has not been up since it was
   * made for that, or is being deleted.
   */
  readonly ephemeral: boolean;
  /** It ran when a call began that stops it and starts it again: the next daemon starts it when this one is killed in between. */
  readonly startAgain: boolean;
  /** Delete, reset and prune refuse it. */
  readonly protected: boolean;
  /** The MAC of its NIC, locally administered. */
  readonly mac: string;
  /** 32 hexadecimal digits, `/etc/machine-id` of the guest. */
  readonly machineId: string;
  /** `agent`, or the path of the image's init; empty while its root disk is being replaced, after which it is as the image says. */
  readonly init: string;
  /** What its image said when its root disk was made, so that it stays the same whatever becomes of the image. */
  readonly imageDefaults: ImageDefaults;
  readonly steps: readonly VmStep[];
  readonly warnings: readonly string[];
}
