import { imageConfigSchema } from '@banger/contract/image';
import { z } from 'zod';
import { MAX_FILE_SYSTEM_BYTES } from '../ext4/geometry.ts';
import { invalidImage, unsupportedImage } from '../oci/invalid.ts';

/** Version of the format; a reader refuses what it does not know. */
export const BUNDLE_VERSION = 1;
/** What is in a bundle, and in this order: the manifest, then the root file system below a directory. */
export const BUNDLE_MANIFEST = 'manifest.json';
export const BUNDLE_ROOT = 'rootfs';

/** An environment is most of it; configurations of registries may be as long. */
export const MOST_BUNDLE_MANIFEST_BYTES = 1024 ** 2;

const ARCH = 'x86_64';
const MOST_TEXT = 4096;

/** Absolute, no `..`, no trailing slash. */
const initPath = z.string().regex(/^(?:\/(?!\.{1,2}(?:\/|$))[\w@.+-]+)+$/);

const bundleManifestSchema = z.strictObject({
  bundle: z.literal(BUNDLE_VERSION),
  name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/),
  /** As `debian`; empty when that is not known. */
  distribution: z.string().max(64),
  arch: z.string().min(1).max(32),
  description: z.string().max(MOST_TEXT),
  /** Kernel that it boots with unless the user names another. */
  kernel: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/),
  /** `agent`: no init system, the agent is PID 1; else the path of the image's init. */
  init: z.union([z.literal('agent'), initPath]),
  /** Size of the root file system that it was; a reader makes its own as large, unless told. */
  rootBytes: z.int().positive().max(MAX_FILE_SYSTEM_BYTES),
  config: z.strictObject(imageConfigSchema.shape),
  /** What the root file system unpacks to: entries, and bytes of files with their holes. Not one more is taken. */
  content: z.strictObject({ entries: z.int().nonnegative(), bytes: z.int().nonnegative() }),
  /** ISO 8601, UTC: when the image was made. */
  createdAt: z.iso.datetime(),
});

/** `manifest.json` of a bundle. */
export type BundleManifest = z.infer<typeof bundleManifestSchema>;

/** Reads a manifest. Throws `image_invalid`; `image_unsupported` for another version or architecture. */
export function parseBundleManifest(text: string): BundleManifest {
  const value = parseJson(text);
  const version = typeof value === 'object' && value !== null && 'bundle' in value ? value.bundle : undefined;
  if (typeof version === 'number' && version !== BUNDLE_VERSION)
    throw unsupportedImage(`The bundle has the format ${version}; ${BUNDLE_VERSION} is what is known.`);
  const parsed = bundleManifestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalidImage(
      `The manifest of the bundle cannot be used: ${issue?.path.join('.') || 'its content'}: ${issue?.message}.`,
      parsed.error,
    );
  }
  if (parsed.data.arch !== ARCH)
    throw unsupportedImage(`The bundle is for ${JSON.stringify(parsed.data.arch)}, not for ${ARCH}.`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidImage('The manifest of the bundle is no JSON.', cause);
  }
}
