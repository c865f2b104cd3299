import type { ImageConfig } from '@banger/contract/image';
import { z } from 'zod';
import type { Digest } from './digest.ts';
import { DocumentError, digestSchema, parseDocument } from './document.ts';
import { MOST_LAYERS } from './image-limits.ts';
import { isOurs, OUR_PLATFORM } from './platform.ts';

const text = z.string().refine((each) => !each.includes('\0'));

/** The configuration, of which a VM uses this (image specification, config.md). */
const configSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  config: z
    .object({
      Env: z.array(text).nullish(),
      WorkingDir: text.nullish(),
      User: text.nullish(),
      Entrypoint: z.array(text).nullish(),
      Cmd: z.array(text).nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digestSchema).max(MOST_LAYERS).nullish() }),
});

/**
 * Reads the configuration of an image: how it wants to be run, and the digests of its layers when unpacked, the lowest first. Throws
 * `DocumentError`, `unsupported` when it is for another platform.
 */
export function readImageConfig(bytes: Uint8Array): {
  readonly config: ImageConfig;
  readonly diffIds: readonly Digest[];
} {
  const { os, architecture, config, rootfs } = parseDocument(bytes, configSchema, 'configuration');
  if (!isOurs({ os, architecture }))
    throw new DocumentError('unsupported', `is not for ${OUR_PLATFORM}, but for ${shown(os, architecture)}`);
  return {
    config: {
      env: config?.Env ?? [],
      cwd: config?.WorkingDir ?? '',
      user: config?.User ?? '',
      entrypoint: config?.Entrypoint ?? [],
      cmd: config?.Cmd ?? [],
      exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
    },
    diffIds: rootfs.diff_ids ?? [],
  };
}

function shown(os: string, architecture: string): string {
  const name = `${os}/${architecture}`;
  return /^[\w/.-]{1,60}$/.test(name) ? name : 'one that is none';
}
