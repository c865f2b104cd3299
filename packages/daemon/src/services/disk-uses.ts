import type { DiskUseRow, DiskUses } from '@banger/contract/disk-use';
import type { ImageView } from '@banger/contract/image';
import type { KernelView } from '@banger/contract/kernel';
import type { VmView } from '@banger/contract/vm';
import type { LayerCache } from '../drivers/image/driver.ts';

/** What disk use is told from. */
export interface DiskUseSources {
  readonly images: { list(available: boolean): Promise<readonly ImageView[]> };
  readonly kernels: { list(available: boolean): Promise<readonly KernelView[]> };
  readonly vms: { list(): Promise<readonly VmView[]> };
  readonly layers: LayerCache;
}

/** What everything of ours takes on the host's disks. */
export async function diskUses({ images, kernels, vms, layers }: DiskUseSources): Promise<DiskUses> {
  const [allImages, allKernels, allVms, allLayers] = await Promise.all([
    images.list(false),
    kernels.list(false),
    vms.list(),
    layers.list(),
  ]);
  return [
    row(
      'images',
      allImages,
      ({ diskUsedBytes }) => diskUsedBytes,
      ({ usedBy }) => usedBy.length > 0,
    ),
    row('kernels', allKernels, ({ diskUsedBytes }) => diskUsedBytes, isUsed),
    row(
      'vms',
      allVms,
      ({ diskUsedBytes }) => diskUsedBytes,
      (vm) => vm.state !== 'stopped' || vm.protected,
    ),
    row(
      'layers',
      allLayers,
      ({ bytes }) => bytes,
      ({ held }) => held,
    ),
  ];
}

function isUsed({ usedBy, usedByImages }: KernelView): boolean {
  return usedBy.length + usedByImages.length > 0;
}

function row<T>(
  kind: DiskUseRow['kind'],
  things: readonly T[],
  bytesOf: (thing: T) => number,
  isNeeded: (thing: T) => boolean,
): DiskUseRow {
  const sum = (some: readonly T[]): number => some.reduce((bytes, thing) => bytes + bytesOf(thing), 0);
  const needed = things.filter(isNeeded);
  return {
    kind,
    count: things.length,
    needed: needed.length,
    bytes: sum(things),
    freeableBytes: sum(things) - sum(needed),
  };
}
