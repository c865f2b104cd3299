/** What a registry may cost; tests have smaller ones. */
export interface RegistryLimits {
  readonly connectMs: number;
  /** From a request to the headers of its answer. */
  readonly headersMs: number;
  /** Between two pieces of a body. */
  readonly readMs: number;
  /** A manifest, a configuration or a token, retries included. */
  readonly documentMs: number;
  /** A blob has so long whatever its size, */
  readonly blobMs: number;
  /** and besides what its size takes at this rate. */
  readonly blobLeastBytesPerSecond: number;
  /** Failures in a row that are tried again. */
  readonly retries: number;
  /** A blob that came so much further has not failed in a row. */
  readonly progressBytes: number;
  /** The wait before the first retry; it doubles with each. */
  readonly firstWaitMs: number;
  /** The longest wait, also one that the registry asks for; what asks for more fails at once, and tells. */
  readonly longestWaitMs: number;
}

/** The limits of the product. */
export const REGISTRY_LIMITS: RegistryLimits = {
  // Three SYNs on a lossy line take 7 s.
  connectMs: 15_000,
  // A pull-through cache first fetches what it was asked for.
  headersMs: 60_000,
  readMs: 30_000,
  documentMs: 180_000,
  blobMs: 300_000,
  // A layer of 100 MB over a slow mobile line: 27 minutes. Slower than that is a trickle that only holds us.
  blobLeastBytesPerSecond: 64 * 1024,
  // With waits of 0.5, 1, 2, 4 and 8 s: longer than a registry takes to restart.
  retries: 5,
  progressBytes: 1024 ** 2,
  firstWaitMs: 500,
  longestWaitMs: 60_000,
};

/** A token is a signed list of rights: some 5 KB with those that there are. */
export const MOST_TOKEN_BYTES = 64 * 1024;
/** Headers of an answer, all together; Node's own limit for servers. */
export const MOST_HEADER_BYTES = 16 * 1024;
/** What is read of the body of a failure, for its code. */
export const MOST_FAILURE_BYTES = 16 * 1024;
/** Registries send to their storage, and that perhaps to a nearer one. */
export const MOST_REDIRECTS = 5;
/** Blobs of one image at work at the same time, as Docker has it: more is not faster, and registries mind. */
export const BLOBS_AT_ONCE = 3;
