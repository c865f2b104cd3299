import { toBangerError } from '@banger/contract/error';
import type { VmDeps } from './vm/deps.ts';
import { reconcile } from './vm/reconcile.ts';

/**
 * What a daemon does before it serves anybody: removes what the one before left half-made, and brings VMs and host together. Killed
 * in the middle of it, the next one does it again. What cannot be removed is logged, and keeps nobody from being served.
 */
export async function recover(deps: VmDeps): Promise<void> {
  const sweeps: readonly (readonly [what: string, sweep: () => Promise<unknown>])[] = [
    ['images', () => deps.images.sweep()],
    ['kernels', () => deps.kernels.sweep()],
    ['probe', () => deps.vmm.sweep()],
  ];
  await Promise.all(sweeps.map(([what, sweep]) => swept(deps, what, sweep)));
  await reconcile(deps);
}

async function swept(
  { log }: Pick<VmDeps, 'log'>,
  what: string,
  sweep: () => Promise<unknown>,
): Promise<void> {
  try {
    const found = await sweep();
    if (Array.isArray(found) && found.length > 0) log.info({ what, found }, 'half-made things removed');
  } catch (error) {
    log.error({ what, error: toBangerError(error).message }, 'half-made things could not be removed');
  }
}
