import type { ByteBudget } from './byte-budget.ts';
import { decompressed } from './decompress.ts';
import type { Digest } from './digest.ts';
import type { TarEntry } from './tar/entry.ts';
import { readTar } from './tar/reader.ts';
import { verified } from './verified.ts';

/** A layer of an image where it lies. */
export interface LayerBlob {
  /** Of the bytes as they lie there, when it is named; what they unpack to is checked in any case. */
  readonly digest?: Digest;
  /** Bytes as they lie there. */
  readonly size: number;
  /** Digest of what they unpack to, from the image's configuration. */
  readonly diffId: Digest;
  /** The bytes from the start; more than once, when the layer has to be read again. */
  open(): AsyncIterable<Buffer>;
}

/** A layer as entries; each call reads it from the start, and, when read to its end, checks it. */
export interface Layer {
  entries(): AsyncIterable<TarEntry>;
}

/** A layer of our own making, in an archive that is not packed and needs no check. */
export function archiveLayer(
  open: () => AsyncIterable<Buffer>,
  budget: ByteBudget,
  signal: AbortSignal,
): Layer {
  return { entries: () => readTar(watched(open(), signal), budget) };
}

/** Unpacks a layer, and checks length and digests on the way. What is read of it rejects with `image_invalid`. */
export function layerOf(blob: LayerBlob, budget: ByteBudget, signal: AbortSignal): Layer {
  const { digest, size, diffId } = blob;
  return {
    entries() {
      const bytes = watched(blob.open(), signal);
      const packed = digest === undefined ? bytes : verified(bytes, { digest, size }, `The layer ${digest}`);
      const unpacked = verified(
        counted(decompressed(packed), budget),
        { digest: diffId },
        'The unpacked layer',
      );
      return readTar(unpacked, budget);
    },
  };
}

/** Passes bytes on that an archive unpacks to, and counts them. */
export async function* counted(
  source: AsyncIterable<Buffer>,
  budget: ByteBudget,
): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of source) {
    budget.spend(chunk.length);
    yield chunk;
  }
}

async function* watched(
  source: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
}
