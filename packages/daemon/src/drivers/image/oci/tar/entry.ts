import type { Chunks } from '../../ext4/content.ts';
import type { EntryMetadata } from '../../ext4/entry-metadata.ts';

/** What an archive can hold. */
export type TarKind = 'file' | 'directory' | 'symlink' | 'hard link' | 'character' | 'block' | 'fifo';

/** One entry of an archive. */
export interface TarEntry {
  readonly kind: TarKind;
  /** As the archive has it: any bytes but NUL, not checked for `..` or slashes. */
  readonly name: Buffer;
  /** What a link says; empty for all else. */
  readonly linkName: Buffer;
  readonly metadata: EntryMetadata;
  /** Bytes of a file with its holes, 0 for all else. */
  readonly size: number;
  /** Where in the archive the content lies; undefined when it does not lie there in one piece. */
  readonly offset: number | undefined;
  readonly major: number;
  readonly minor: number;
  /** What a file holds, to be read before the next entry is asked for, or not at all. */
  readonly content: Chunks;
}
