import type { GcReport } from '@banger/contract/gc';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import type { ImageStore, LayerCache } from '../../drivers/image/driver.ts';
import type { KernelStore } from '../../drivers/kernel/driver.ts';
import type { RunDirectory } from '../../host/run-directory.ts';
import type { VmDeps } from '../vm/deps.ts';
import { vmLookers } from '../vm/lookers.ts';
import { collect } from './collect.ts';
import type { OrphanFinder } from './finder.ts';
import { halfMade } from './half-made.ts';
import { halfWrittenFiles } from './half-written.ts';
import { ownerlessEntries, ownerlessRuns } from './ownerless-rows.ts';
import { unwrittenResources } from './unwritten.ts';

/** What knows of things of its own that a killed daemon left. */
export interface LeftoverStores {
  readonly images: Pick<ImageStore, 'leftovers'>;
  readonly kernels: Pick<KernelStore, 'leftovers'>;
  /** Layers that were fetched. */
  readonly blobs: Pick<LayerCache, 'leftovers'>;
  /** Short paths to directories for sockets. */
  readonly links: Pick<RunDirectory, 'leftovers'>;
}

/** Finds and removes what nothing on this machine stands for any more. */
export class GcService {
  readonly #deps: VmDeps;
  /** Of what nobody can be at work on when a daemon begins. */
  readonly #left: readonly OrphanFinder[];
  readonly #finders: readonly OrphanFinder[];

  constructor(
    deps: VmDeps & { readonly vmm: Pick<VmmDriver, 'find' | 'leftovers'> },
    stores: LeftoverStores,
  ) {
    const lookers = vmLookers(deps.layout, deps.vmm, deps.networks);
    this.#deps = deps;
    this.#left = [
      ownerlessEntries(deps, lookers),
      halfMade('probe', 'checks of KVM', deps.vmm),
      halfMade('staging', 'half-made images', stores.images),
      halfMade('staging', 'half-made kernels', stores.kernels),
      halfMade('staging', 'unfinished downloads', stores.blobs),
      halfMade('link', 'links to homes that are gone', stores.links),
      halfWrittenFiles(deps),
    ];
    this.#finders = [...unwrittenResources(deps, lookers), ownerlessRuns(deps), ...this.#left];
  }

  /** For a person: everything goes, or with `dryRun` is only listed. */
  run(dryRun: boolean, signal: AbortSignal): Promise<GcReport> {
    return collect(this.#finders, this.#deps, { dryRun, asked: true, signal });
  }

  /** For the daemon itself, from time to time: what a person may want back stays. */
  reap(signal: AbortSignal): Promise<GcReport> {
    return collect(this.#finders, this.#deps, { dryRun: false, asked: false, signal });
  }

  /** For the daemon's start, before it serves anybody: nothing can be at work, whatever is half-made or of a VM that is gone has no future. */
  begin(): Promise<GcReport> {
    return collect(this.#left, this.#deps, { dryRun: false, asked: false, minAgeMs: -Infinity });
  }
}
