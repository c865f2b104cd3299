import { z } from 'zod';

/** Version, commit, build time and build id of a program of ours. */
export const buildSchema = z.object({
  version: z.string(),
  commit: z.string(),
  builtAt: z.string(),
  build: z.string(),
});
export type Build = z.infer<typeof buildSchema>;

/** The first call on every connection. What it does not know is ignored: a newer client must be able to say hello. */
export const helloSchema = z.object({
  protocol: z.int(),
  build: z.string(),
  /** Of the client's process, to be shown with its operations. */
  pid: z.int().positive().optional(),
});
export const helloResultSchema = z.object({
  protocol: z.int(),
  build: buildSchema,
  pid: z.int(),
  /** Calls at work and streams open; a daemon of another build is replaced only when there are none. */
  busy: z.array(z.string()),
});
export type HelloResult = z.infer<typeof helloResultSchema>;

export const daemonStatusSchema = z.object({
  pid: z.int(),
  build: buildSchema,
  startedAt: z.string(),
  socket: z.string(),
  log: z.string(),
  state: z.string(),
  busy: z.array(z.string()),
  vms: z.object({ total: z.int(), running: z.int() }),
});
export type DaemonStatus = z.infer<typeof daemonStatusSchema>;

export const nothingSchema = z.strictObject({});
export const daemonStopSchema = z.strictObject({
  /** Only when no call is at work and no stream open at that moment; else `daemon_build_mismatch`. */
  ifIdle: z.boolean().default(false),
});
export const stoppedSchema = z.object({
  pid: z.int(),
  /**
   * Calls that were at work and streams that were open, but for those that only look: the streams are cut off, the calls cancelled, or
   * waited for where there is no way back.
   */
  busy: z.array(z.string()),
});
