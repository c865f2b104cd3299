import { HTTP_LIMITS, type HttpLimits } from '../../../host/http/limits.ts';

/** What a registry may cost; tests have smaller ones. */
export interface RegistryLimits extends HttpLimits {
  /** A manifest, a configuration or a token, retries included. */
  readonly documentMs: number;
}

/** The limits of the product. */
export const REGISTRY_LIMITS: RegistryLimits = { ...HTTP_LIMITS, documentMs: 180_000 };

/** A token is a signed list of rights: some 5 KB with those that there are. */
export const MOST_TOKEN_BYTES = 64 * 1024;
/** Blobs of one image at work at the same time, as Docker has it: more is not faster, and registries mind. */
export const BLOBS_AT_ONCE = 3;
