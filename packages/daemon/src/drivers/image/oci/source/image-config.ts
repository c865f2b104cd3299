import type { z } from 'zod';
import { invalidImage } from '../invalid.ts';
import type { configSchema } from './schemas.ts';

/** How an image wants to be run. */
export interface ImageConfig {
  /** `NAME=VALUE`. */
  readonly env: readonly string[];
  /** Empty when it says none: the root. */
  readonly cwd: string;
  /** `user`, `uid`, or either with `:group`; empty for root. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** As `80/tcp`: hints. */
  readonly exposedPorts: readonly string[];
}

/** The platform of our VMs. */
export const PLATFORM = { os: 'linux', architecture: 'amd64' } as const;

/** What of a configuration is used. Throws `image_invalid` when the image is for another platform. */
export function imageConfigOf(raw: z.infer<typeof configSchema>): ImageConfig {
  const { os, architecture, config } = raw;
  if (os !== PLATFORM.os || architecture !== PLATFORM.architecture)
    throw invalidImage(
      `The image is for ${os}/${architecture}; banger runs ${PLATFORM.os}/${PLATFORM.architecture}.`,
    );
  return {
    env: config?.Env ?? [],
    cwd: config?.WorkingDir ?? '',
    user: config?.User ?? '',
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
  };
}
