import type { GcService } from './gc/service.ts';
import type { VmDeps } from './vm/deps.ts';
import { reconcile } from './vm/reconcile.ts';

/**
 * What a daemon does before it serves anybody: removes what the one before left half-made or of VMs that are gone, and brings VMs and host together. Killed
 * in the middle of it, the next one does it again. What cannot be removed is logged, and keeps nobody from being served.
 */
export async function recover(deps: VmDeps, gc: Pick<GcService, 'begin'>): Promise<void> {
  await gc.begin();
  await reconcile(deps);
}
