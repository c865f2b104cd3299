import { BangerError } from '@banger/contract/error';
import type { Ext4Needs } from '../ext4/writer.ts';

const MIB = 1024 ** 2;
/** Parity row D4: an image is never smaller. */
const LEAST_ROOT_BYTES = 1024 * MIB;
/**
 * A root file system has the size of the usual root disk, which costs nothing as it is sparse: to grow it at every first boot took the
 * guest 0.1 s under emulation. A smaller disk is made from a copy.
 */
const USUAL_ROOT_BYTES = 8 * 1024 * MIB;
/** As small as a work disk may be made, because a file system of a template is only ever enlarged. */
const LEAST_WORK_BYTES = 64 * MIB;
/** So that there is room to install something. */
const ROOM = 1.5;

/** The least root disk: content times 1.5 in whole MiB, or what its tables take where it is many small files. */
export function leastRootBytes(needs: Ext4Needs): number {
  return Math.max(LEAST_ROOT_BYTES, roomyBytes(needs));
}

/**
 * The size of a root file system, `wished` where somebody wishes one. It is made to grow to `most`. Throws `invalid_argument` for a wish below
 * the least size, `image_unsupported` when even that is more than `most`.
 */
export function rootBytes(needs: Ext4Needs, wished: number | undefined, most: number): number {
  const least = leastRootBytes(needs);
  if (wished !== undefined && wished < least)
    throw new BangerError(
      'invalid_argument',
      `A root disk of ${wished} bytes is too small for this image: it needs ${least} bytes, half as much again as its content.`,
      { hint: 'Name a larger size, or none.', details: { given: wished, needed: least } },
    );
  const bytes = wished ?? Math.max(least, USUAL_ROOT_BYTES);
  if (bytes > most)
    throw new BangerError(
      'image_unsupported',
      `The image needs a root disk of ${least} bytes; without a size of its own it gets at most ${most}.`,
      { hint: 'Name its size.', details: { needed: least, most } },
    );
  return bytes;
}

/** The size of a work disk to begin with. */
export function workBytes(needs: Ext4Needs): number {
  return Math.max(LEAST_WORK_BYTES, roomyBytes(needs));
}

function roomyBytes({ contentBytes, leastBytes }: Ext4Needs): number {
  return Math.ceil(Math.max(contentBytes * ROOM, leastBytes) / MIB) * MIB;
}
