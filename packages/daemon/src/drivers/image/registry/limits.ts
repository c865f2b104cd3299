import { HTTP_LIMITS, type HttpLimits } from '../../../host/http/limits.ts';

/** What a registry may cost; tests have smaller ones. */
export interface RegistryLimits extends HttpLimits {
  /** A manifest, a configuration or a token, retries included. */
  readonly documentMs: number;
}

/** The limits of the product. */
export const REGISTRY_LIMITS: RegistryLimits = { ...HTTP_LIMITS, documentMs: 180_000 };

/** The image specification asks registries to take manifests of 4 MiB, and clients to take no larger ones. */
export const MOST_MANIFEST_BYTES = 4 * 1024 ** 2;
/** A configuration tells one line a step of a build; the largest known ones have some 100 KB. */
export const MOST_CONFIG_BYTES = 4 * 1024 ** 2;
/** A token is a signed list of rights: some 5 KB with those that there are. */
export const MOST_TOKEN_BYTES = 64 * 1024;
/** What an overlay can have is some 500, what Docker makes 127. */
export const MOST_LAYERS = 1_000;
/** All layers of an image together: the largest disk of a VM, 1 TiB. */
export const MOST_IMAGE_BYTES = 1024 ** 4;
/** Blobs of one image at work at the same time, as Docker has it: more is not faster, and registries mind. */
export const BLOBS_AT_ONCE = 3;
