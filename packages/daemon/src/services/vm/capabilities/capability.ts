import type { VmSpec } from '@banger/contract/vm';
import type { StoredImage } from '../../../drivers/image/driver.ts';
import type { NetworkDriver, VmmNetwork } from '../../../drivers/network/driver.ts';
import type { VmmDisk } from '../../../drivers/vmm/driver.ts';
import type { Step } from '../../../domain/steps.ts';
import type { VmRow } from '../../../domain/vm-row.ts';
import type { Check } from '../../doctor/check.ts';
import type { VmDeps } from '../deps.ts';
import type { LiveVm } from '../live.ts';
import type { StartContext } from '../start-context.ts';

/** A VM that is being made: its row is reserved, its image and its directory are there. */
export interface MakeContext {
  readonly deps: VmDeps;
  readonly row: VmRow;
  readonly image: StoredImage;
}

/** A VM that runs, whose lock the caller holds. */
export interface RunContext {
  readonly deps: VmDeps;
  readonly row: VmRow;
  readonly live: LiveVm;
}

/** What the machine has of one capability. */
export interface MachineParts {
  readonly disks?: readonly VmmDisk[];
  readonly network?: VmmNetwork;
  /** Words for the agent on the kernel's command line. */
  readonly cmdline?: readonly string[];
}

/** A step without its name, which is the capability's. */
type Part<C> = Omit<Step<C>, 'name'>;

/**
 * A feature of a VM, as the hooks by which it takes part in the life of one; each has only those that it needs. The steps of a creation
 * and of a start are put together from them. Its cleanup is the removers of the ledger's kinds that it makes (`resources.ts`): they
 * run at every stop, after every failure and for whatever a killed daemon left, and are harmless when nothing is there.
 */
export interface Capability {
  /** Also the name of its steps. */
  readonly name: string;
  /** Makes what the VM keeps over its runs. It lies in the VM's directory, which goes as a whole when the creation fails. */
  readonly make?: Part<MakeContext>;
  /** Sees, before a start, that what the VM keeps is whole, and as the row says. */
  preflight?(context: StartContext): Promise<void>;
  /** What the VMM is given. */
  machine?(context: StartContext): MachineParts;
  /** Sets up what runs beside the VMM, while that starts; its undo is its own, or the ledger's. */
  readonly accompany?: Part<StartContext>;
  /** Waits, while the machine boots, for what the VM needs before it counts as running; `accompany` has begun it and undoes it. */
  readonly settle?: Omit<Part<StartContext>, 'undo'>;
  /** What of the spec `apply` brings about while the VM runs; all else needs a stop. */
  readonly changesLive?: readonly (keyof VmSpec)[];
  /**
   * Brings what runs to what the row says; harmless when it is so already. Called after a change of those, and when a new daemon has found
   * the VM running, as the one before may have been killed between the row and this. Resolves with what is to be told of it.
   */
  apply?(context: RunContext, signal: AbortSignal): Promise<readonly string[]>;
  /** What `banger doctor` looks at for it. */
  doctor?(deps: { readonly network: NetworkDriver }): readonly Check[];
}
