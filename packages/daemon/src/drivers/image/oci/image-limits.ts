/** The image specification asks registries to take manifests of 4 MiB, and clients to take no larger ones. */
export const MOST_MANIFEST_BYTES = 4 * 1024 ** 2;
/** A configuration tells one line a step of a build; the largest known ones have some 100 KB. */
export const MOST_CONFIG_BYTES = 4 * 1024 ** 2;
/** What an overlay can have is some 500, what Docker makes 127. */
export const MOST_LAYERS = 1_000;
/** All layers of an image together: the largest disk of a VM, 1 TiB. */
export const MOST_IMAGE_BYTES = 1024 ** 4;
/** An index may name indexes; nobody has been seen to nest them deeper. */
export const MOST_INDEXES = 3;
