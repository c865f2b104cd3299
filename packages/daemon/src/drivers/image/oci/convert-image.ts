import { unlink } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { openExt4Writer, type Ext4Options, type Ext4Summary } from '../ext4/writer.ts';
import { ByteBudget } from './byte-budget.ts';
import { layerOf } from './layer.ts';
import { mergeLayers } from './merge/merge-layers.ts';
import { imageWriter } from './merge/root-writer.ts';
import { openImage, type LocalImage } from './source/open-image.ts';
import type { OpenedImage } from './source/opened-image.ts';

/** What the file system is made with, and what ends the work. */
export interface ConvertOptions extends Ext4Options {
  readonly signal: AbortSignal;
}

/** What came out. */
export interface ConvertedImage extends Ext4Summary, Pick<OpenedImage, 'digest' | 'config'> {}

/**
 * Makes the root file system of an image of this machine, in a new file: straight from its layers, without root and without unpacking them.
 * Rejects with `image_invalid` (the image), `invalid_argument` (the options, or a size that is too small), `disk_full` and
 * `cancelled`; then there is no file.
 */
export async function convertImage(
  source: LocalImage,
  file: string,
  options: ConvertOptions,
): Promise<ConvertedImage> {
  const { signal } = options;
  try {
    const { digest, config, layers } = await openImage(source);
    const summary =
      (await tryToConvert(layers, file, options, false)) ?? (await tryToConvert(layers, file, options, true));
    if (summary === undefined) throw new BangerError('internal', 'An image was not merged at all.');
    return { digest, config, ...summary };
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new BangerError('cancelled', 'The conversion of the image was cancelled.', { cause: error });
  }
}

/** Undefined when an entry that was written turned out to be replaced in its own layer: then it has to be known ahead. */
async function tryToConvert(
  layers: OpenedImage['layers'],
  file: string,
  options: ConvertOptions,
  ahead: boolean,
): Promise<Ext4Summary | undefined> {
  const budget = new ByteBudget();
  await using writer = await openExt4Writer(file, options);
  let summary: Ext4Summary | undefined;
  try {
    const opened = layers.map((layer) => layerOf(layer, budget, options.signal));
    if (await mergeLayers(opened, imageWriter(writer), { now: options.now, ahead }))
      summary = await writer.finish();
    return summary;
  } finally {
    if (summary === undefined) await unlink(file);
  }
}
