import type { Layer } from '../layer.ts';
import { layerPath } from './layer-path.ts';
import { LayerDirectory, LayerFile, LayerNames, type Replaced } from './layer-names.ts';
import { markedBy } from './whiteout.ts';

/** The entries of a layer, by their number, whose names later entries of it take. Rejects with `image_invalid`. */
export async function replacedEntries(layer: Layer): Promise<Set<number>> {
  const names = new LayerNames();
  const replaced = new Set<number>();
  let ordinal = -1;
  const take = (taken: readonly Replaced[]): void => {
    for (const each of taken) replaced.add(each.ordinal);
  };
  for await (const { kind, name, linkName, metadata } of layer.entries()) {
    ordinal += 1;
    const named = layerPath(name);
    if (markedBy(named).kind !== 'entry') continue;
    const path = names.resolve(named);
    if (kind === 'directory') {
      take(names.putDirectory(path, metadata));
      continue;
    }
    const target = kind === 'hard link' ? names.resolve(layerPath(linkName)) : undefined;
    const linked = target === undefined ? undefined : names.find(target);
    const known = linked instanceof LayerDirectory ? undefined : linked?.file;
    if (known !== undefined && target === path) continue;
    const symlink = kind === 'symlink' ? linkName.toString('latin1') : undefined;
    take(names.put(path, { ordinal, file: known ?? new LayerFile(ordinal, symlink) }));
  }
  return replaced;
}
