import type { StageContext } from '../../../domain/stage-progress.ts';
import { ByteBudget } from './byte-budget.ts';
import { writeImageDisks, type DiskOptions, type ImageDisks } from './image-disks.ts';
import { layerOf, type LayerBlob } from './layer.ts';

/** What a conversion is called for a person. */
const STAGE = 'Writing the disk';

/**
 * Makes the disks of an image straight from its packed layers, oldest first: without root and without unpacking them. Progress is in bytes of the
 * layers. Rejects with `image_invalid` (the image), `image_unsupported`, `invalid_argument` (a wished size that is too small),
 * `disk_full` and `cancelled`; then there is no file.
 */
export async function convertLayers(
  layers: readonly LayerBlob[],
  { onProgress, ...options }: DiskOptions & StageContext,
): Promise<ImageDisks> {
  const told = withProgress(layers, onProgress);
  return writeImageDisks(() => {
    const budget = new ByteBudget();
    return told.map((layer) => layerOf(layer, budget, options.signal));
  }, options);
}

/** Tells how much was read; what is read once more counts once. */
function withProgress(layers: readonly LayerBlob[], onProgress: StageContext['onProgress']): LayerBlob[] {
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const read = layers.map(() => 0);
  const tell = (index: number, { digest, diffId, size }: LayerBlob, bytes: number): void => {
    if (bytes <= (read[index] ?? 0)) return;
    read[index] = bytes;
    onProgress({
      ...{ stage: STAGE, done: read.reduce((sum, each) => sum + each, 0), total, unit: 'bytes' },
      part: { name: digest ?? diffId, done: bytes, total: size },
    });
  };
  return layers.map((layer, index) => ({
    ...layer,
    async *open() {
      let bytes = 0;
      for await (const piece of layer.open()) {
        bytes += piece.length;
        yield piece;
        tell(index, layer, bytes);
      }
    },
  }));
}
