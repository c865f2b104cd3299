import { createHash, type Hash } from 'node:crypto';

/** A content digest, `ALGORITHM:HEX` in lower case (OCI image specification, "Digests"). */
export type Digest = `${Algorithm}:${string}`;
type Algorithm = keyof typeof HEX_DIGITS;

/** The algorithms that the specification registers and that are in use, with the length of what they give. */
const HEX_DIGITS = { sha256: 64, sha512: 128 } as const;

/** The text as a digest; undefined when it is none, or of an algorithm that we do not compute. */
export function readDigest(text: string): Digest | undefined {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(text) ?? [];
  return isAlgorithm(algorithm) && hex.length === HEX_DIGITS[algorithm] ? `${algorithm}:${hex}` : undefined;
}

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array, { algorithm }: { algorithm: Algorithm }): Digest {
  return finish(createHash(algorithm).update(bytes), algorithm);
}

/** The algorithm of a digest. */
export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith('sha512') ? 'sha512' : 'sha256';
}

/** A hash to be fed, for a digest that is expected. */
export class DigestCheck {
  readonly #expected: Digest;
  #hash: Hash;

  constructor(expected: Digest) {
    this.#expected = expected;
    this.#hash = createHash(algorithmOf(expected));
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Forgets what it was fed. */
  restart(): void {
    this.#hash = createHash(algorithmOf(this.#expected));
  }

  /** True when what it was fed has the digest; to be asked once. */
  matches(): boolean {
    return finish(this.#hash, algorithmOf(this.#expected)) === this.#expected;
  }
}

function finish(hash: Hash, algorithm: Algorithm): Digest {
  return `${algorithm}:${hash.digest('hex')}`;
}

function isAlgorithm(text: string): text is Algorithm {
  return Object.hasOwn(HEX_DIGITS, text);
}
