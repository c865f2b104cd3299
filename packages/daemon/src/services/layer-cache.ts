import type { CachePruned } from '@banger/contract/disk-use';
import type { LayerCache } from '../drivers/image/driver.ts';

/** Removes fetched layers, or with `dryRun` only counts them. What a pull works with stays. No cache has no layers. */
export async function pruneLayers(cache: LayerCache, dryRun: boolean): Promise<CachePruned> {
  let [layers, bytes, kept] = [0, 0, 0];
  for (const blob of await cache.list()) {
    if (dryRun ? blob.held : !(await cache.remove(blob.digest))) {
      kept += 1;
      continue;
    }
    layers += 1;
    bytes += blob.bytes;
  }
  return { layers, bytes, kept };
}
