import { ByteBudget } from './byte-budget.ts';
import { decompressed } from './decompress.ts';
import type { TarEntry } from './tar/entry.ts';
import { readTar } from './tar/reader.ts';

/** The readers of layers, for archives of another driver. */
export const archiveReaders = {
  decompressed,
  readTar: (source: AsyncIterable<Buffer>): AsyncIterable<TarEntry> => readTar(source, new ByteBudget()),
};
