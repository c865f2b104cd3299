import type { ByteBudget } from '../byte-budget.ts';
import type { ByteReader } from './byte-reader.ts';
import { oddMap, type SparseFile } from './sparse-map.ts';

/** Zeros that are handed over at once for a hole. */
const ZEROS = Buffer.alloc(1024 ** 2);

/** Throws `image_invalid` unless the stretches follow each other, lie in the file, and are what the archive holds. */
export function checkSparse({ size, stretches }: SparseFile, dataBytes: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of stretches) {
    if (offset < end || length < 0 || offset + length > size) throw oddMap();
    end = offset + length;
    total += length;
  }
  if (total !== dataBytes) throw oddMap();
}

/** The whole file: zeros for its holes, which count as any bytes do, since they take as long. */
export async function* sparseContent(
  { size, stretches }: SparseFile,
  reader: ByteReader,
  budget: ByteBudget,
): AsyncGenerator<Buffer, void, void> {
  let at = 0;
  for (const { offset, length } of [...stretches, { offset: size, length: 0 }]) {
    while (at < offset) {
      const zeros = Math.min(ZEROS.length, offset - at);
      budget.spend(zeros);
      yield ZEROS.subarray(0, zeros);
      at += zeros;
    }
    yield* reader.pieces(length);
    at += length;
  }
}
