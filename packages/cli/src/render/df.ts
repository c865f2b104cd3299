import type { CachePruned, DiskUseRow } from '@banger/contract/disk-use';
import { table } from './table.ts';
import { bytesText } from './units.ts';
import type { Renderer } from './view.ts';

const TITLES: Readonly<Record<DiskUseRow['kind'], string>> = {
  images: 'images',
  kernels: 'kernels',
  vms: 'disks of VMs',
  layers: 'fetched layers',
};

/** `df`: a line for each kind of thing. */
export const renderDiskUse: Renderer<'df'> = (uses, screen) =>
  table<DiskUseRow>(
    uses,
    [
      { title: 'WHAT', text: ({ kind }) => TITLES[kind] },
      { title: 'COUNT', text: ({ count }) => String(count) },
      { title: 'NEEDED', text: ({ needed }) => String(needed) },
      { title: 'ON DISK', text: ({ bytes }) => bytesText(bytes) },
      { title: 'FREEABLE', text: ({ freeableBytes }) => bytesText(freeableBytes) },
    ],
    screen,
  );

/** `image cache prune`: one line. */
export const renderCachePruned: Renderer<'cache.pruned'> = ({ dryRun, ...pruned }, screen) =>
  screen.quiet ? String(pruned.layers) : prunedText(pruned, dryRun);

function prunedText({ layers, bytes, kept }: CachePruned, dryRun: boolean): string {
  const what = `${layers} ${layers === 1 ? 'layer' : 'layers'}, ${bytesText(bytes)}`;
  const stays = kept === 0 ? '' : `; ${kept} ${kept === 1 ? 'stays' : 'stay'} for a pull at work`;
  return `${dryRun ? 'would remove' : 'removed'} ${what}${stays}`;
}
