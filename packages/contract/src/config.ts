import { z } from 'zod';
import { originSchema } from './origin.ts';

/** A value as one would write it in the file; null when the key is off. */
const configValueSchema = z.union([z.string(), z.number(), z.null()]);

/** The configuration that the daemon works with, and whether its file still says the same. */
export const configViewSchema = z.object({
  /** Absolute path of `config.toml`, whether it exists or not. */
  file: z.string(),
  /** Whether it was there when the daemon read it, at its start. */
  found: z.boolean(),
  values: z.array(
    z.object({
      /** As `vm_defaults.vcpu`. */
      key: z.string(),
      value: configValueSchema,
      origin: originSchema,
      /** `FILE:LINE`, the variable, or how it was computed from the host; empty for a default. */
      source: z.string(),
    }),
  ),
  /** The file as it is now: what a new daemon would make of it. */
  now: z.union([
    z.object({ state: z.literal('unchanged') }),
    z.object({
      state: z.literal('changed'),
      /** Values that a new daemon would have; none when only comments or order changed. */
      differences: z.array(z.object({ key: z.string(), from: configValueSchema, to: configValueSchema })),
    }),
    /** No daemon would start with it. */
    z.object({
      state: z.literal('invalid'),
      code: z.string(),
      message: z.string(),
      hint: z.string(),
    }),
  ]),
});
export type ConfigView = z.infer<typeof configViewSchema>;
