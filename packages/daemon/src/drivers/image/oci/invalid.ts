import { BangerError } from '@banger/contract/error';

/** That an image from elsewhere cannot be used; `what` is a sentence that says where and why. */
export function invalidImage(what: string, cause?: unknown): BangerError {
  return new BangerError('image_invalid', what, {
    hint: 'Fetch the image again, or make it anew; if it stays so, tell who makes it.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** That something is not what it was said to be; `what` is a sentence that says so, `hint` how it is to be had. */
export function mistakenImage(what: string, hint: string): BangerError {
  return new BangerError('image_invalid', what, { hint });
}

/** How a root file system in a plain archive is pulled, for a person who takes it for something else. */
export const TARBALL_HINT =
  'A plain archive of a root file system is pulled as tarball:FILE, or as tarball:- from standard input.';

/** That an image is right, and of a kind that no VM runs; `what` is a sentence that says why. */
export function unsupportedImage(what: string): BangerError {
  return new BangerError('image_unsupported', what);
}

/** Bytes of a stranger for a person: what is no printable ASCII is escaped, and what is long is cut in the middle. */
export function shownBytes(bytes: Buffer): string {
  const limit = 200;
  const parts = bytes.length > limit ? [bytes.subarray(0, limit / 2), bytes.subarray(-limit / 2)] : [bytes];
  return parts
    .map((part) =>
      part
        .toString('latin1')
        .replace(/[^ -[\]-~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`),
    )
    .join('…');
}
