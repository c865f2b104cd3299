/** One entry of an archive. */
export interface ArchiveEntry {
  readonly kind: string;
  /** As the archive has it: any bytes, not checked. */
  readonly name: Buffer;
  /** Bytes of a file. */
  readonly size: number;
  /** What a file holds, to be read before the next entry is asked for, or not at all. */
  readonly content: AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** What reads packed files and archives. It is that of the image driver, which this one does not know: given to it from above. */
export interface ArchiveReaders {
  /** Unpacks gzip and zstd, and passes on all else as it is. */
  decompressed(source: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** Reads a tar archive that is not packed; both reject with `image_invalid`. */
  readTar(source: AsyncIterable<Buffer>): AsyncIterable<ArchiveEntry>;
}
