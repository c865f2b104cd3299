import { DigestCheck, type Digest } from './digest.ts';
import { invalidImage } from './invalid.ts';

/**
 * Passes bytes on and checks, at their end, that they are those that a digest and, when given, a length name; too many are noticed at once. Rejects
 * with `image_invalid`. `what` is what a person calls them.
 */
export async function* verified(
  source: AsyncIterable<Buffer>,
  expected: { readonly digest: Digest; readonly size?: number },
  what: string,
): AsyncGenerator<Buffer, void, void> {
  const check = new DigestCheck(expected.digest);
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (expected.size !== undefined && bytes > expected.size)
      throw invalidImage(`${what} is longer than the ${expected.size} bytes that the image says.`);
    check.update(chunk);
    yield chunk;
  }
  if (expected.size !== undefined && bytes !== expected.size)
    throw invalidImage(`${what} has ${bytes} bytes; the image says ${expected.size}.`);
  if (!check.matches()) throw invalidImage(`${what} has another digest than ${expected.digest}.`);
}
