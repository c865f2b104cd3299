import { createHash } from 'node:crypto';
import { invalidImage, shownBytes } from './invalid.ts';

/** The algorithms that the image specification registers (descriptor.md, "Registered algorithms"), and the digits of a digest. */
const DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** A digest as `sha256:` and hexadecimal digits, checked. */
export interface Digest {
  readonly algorithm: string;
  readonly hex: string;
}

/** Throws `image_invalid` for what is no digest, or of an algorithm that is not registered. */
export function parseDigest(text: string): Digest {
  const [algorithm = '', hex = '', ...more] = text.split(':');
  const digits = Object.hasOwn(DIGITS, algorithm) ? DIGITS[algorithm] : undefined;
  if (digits === undefined || more.length > 0 || hex.length !== digits || !/^[0-9a-f]+$/.test(hex))
    throw invalidImage(`The image names the digest "${shownBytes(Buffer.from(text))}", which is none.`);
  return { algorithm, hex };
}

/**
 * Passes bytes on and checks, at their end, that they are those that a digest and, when given, a length name; too many are noticed at once. Rejects
 * with `image_invalid`. `what` is what a person calls them.
 */
export async function* verified(
  source: AsyncIterable<Buffer>,
  expected: { readonly digest: string; readonly size?: number },
  what: string,
): AsyncGenerator<Buffer, void, void> {
  const { algorithm, hex } = parseDigest(expected.digest);
  const hash = createHash(algorithm);
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (expected.size !== undefined && bytes > expected.size)
      throw invalidImage(`${what} is longer than the ${expected.size} bytes that the image says.`);
    hash.update(chunk);
    yield chunk;
  }
  if (expected.size !== undefined && bytes !== expected.size)
    throw invalidImage(`${what} has ${bytes} bytes; the image says ${expected.size}.`);
  const found = hash.digest('hex');
  if (found !== hex)
    throw invalidImage(`${what} has the digest ${algorithm}:${found}, not ${expected.digest}.`);
}
