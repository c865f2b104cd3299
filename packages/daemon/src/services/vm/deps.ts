import type { Subject } from '@banger/contract/operation';
import type { Logger } from 'pino';
import type { DiskDriver } from '../../drivers/disk/driver.ts';
import type { GuestDriver } from '../../drivers/guest/driver.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import type { Layout } from '../../domain/layout.ts';
import type { VmDefaults } from '../../domain/vm-defaults.ts';
import type { Clock } from '../../host/clock.ts';
import type { RuntimeRepository } from '../../store/runtime-repository.ts';
import type { StatePlace } from '../../store/state-place.ts';
import type { VmRows } from '../../store/vm-repository.ts';
import type { EventBus } from '../events.ts';
import type { ImageService } from '../image.ts';
import type { KernelService } from '../kernel.ts';
import type { LiveVms } from './live.ts';
import type { VmLocks } from './locks.ts';
import type { VmLedger } from './resources.ts';
import type { VmRuntimeRow } from './runtime-row.ts';
import type { VmStates } from './states.ts';
import type { StepsAtWork } from './steps-at-work.ts';
import type { VmUses } from './uses.ts';

/** What the user's configuration says about VMs. */
export interface VmSettings {
  /** `auto_stop_stale_after`: a running VM that was not used for so many milliseconds is stopped; never when undefined. */
  readonly autoStopStaleAfterMs: number | undefined;
}

/** What the use cases of a VM work with. */
export interface VmDeps {
  readonly vms: VmRows;
  /** Whether all this is still the state of this daemon. */
  readonly place: Pick<StatePlace, 'check'>;
  readonly runtimes: RuntimeRepository<VmRuntimeRow>;
  readonly ledger: VmLedger;
  readonly states: VmStates;
  readonly steps: StepsAtWork;
  readonly locks: VmLocks;
  readonly live: LiveVms;
  readonly uses: VmUses;
  readonly events: Pick<EventBus, 'tell' | 'isHeard'>;
  readonly images: ImageService;
  readonly kernels: KernelService;
  readonly vmm: VmmDriver;
  readonly disks: DiskDriver;
  readonly networks: { readonly [Kind in 'user' | 'none']: NetworkDriver };
  readonly guest: GuestDriver;
  readonly layout: Layout;
  /** What a wish leaves open. */
  readonly defaults: VmDefaults;
  readonly settings: VmSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** Runs work as an operation of the daemon's own, which does not end in the middle of it. */
  readonly asOperation: <T>(method: string, work: () => Promise<T>, on?: Subject) => Promise<T>;
  /** Cryptographic random bytes; fixed ones in tests. */
  readonly randomBytes: (count: number) => Uint8Array;
}
