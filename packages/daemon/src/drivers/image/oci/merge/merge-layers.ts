import type { Timestamp } from '../../ext4/time.ts';
import type { Layer } from '../layer.ts';
import { Coverage } from './coverage.ts';
import { LayerMerge, linkToNothing, type WantedLinks } from './layer-merge.ts';
import type { RootWriter } from './root-writer.ts';
import { replacedEntries } from './replaced-entries.ts';
import { pathBytes } from './write-entry.ts';

/** How a merge goes. */
export interface MergeOptions {
  /** The time of directories that no layer has an entry for. */
  readonly now: Timestamp;
  /** Reads each layer once more beforehand, to know which of its entries a later one replaces. */
  readonly ahead: boolean;
}

/**
 * Writes what is to be seen of layers, given oldest first, into a root file system (image-spec, layer.md, "Applying Changesets"). The newest is
 * read first, so that each is read once and nothing hidden is written; a layer is read twice when a hard link leads to a file of it that is hidden
 * and came before the link. False when a layer has several entries for one path, and the first was written: then the file system is
 * of no use, and has to be written anew with `ahead`. Rejects with `image_invalid`.
 */
export async function mergeLayers(
  layers: readonly Layer[],
  root: RootWriter,
  { now, ahead }: MergeOptions,
): Promise<boolean> {
  const covered = new Coverage();
  let wanted: WantedLinks = new Map();
  for (const layer of layers.toReversed()) {
    const replaced = ahead ? await replacedEntries(layer) : undefined;
    const merge = new LayerMerge({ root, covered, wanted, replaced });
    for await (const entry of layer.entries()) if (!(await merge.add(entry))) return false;
    if (await merge.linkWanted()) for await (const entry of layer.entries()) await merge.addMissed(entry);
    await merge.finishDirectories();
    wanted = merge.wantedOfOlder();
    covered.add(merge.names.root, merge.whiteouts, merge.opaques);
  }
  for (const [path, links] of wanted) throw linkToNothing(path, links[0]);
  for (const path of covered.unmade())
    await root.directory(pathBytes(path), { mode: 0o755, uid: 0, gid: 0, modified: now });
  return true;
}
