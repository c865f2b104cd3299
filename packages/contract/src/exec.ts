import { z } from 'zod';
import { vmRefSchema } from './vm.ts';

/** Size of a terminal in characters. */
export const terminalSizeSchema = z.strictObject({
  rows: z.int().min(0).max(65535),
  columns: z.int().min(0).max(65535),
});
export type TerminalSize = z.infer<typeof terminalSizeSchema>;

/** A command in a guest; argv is passed on untouched, never joined for a shell. */
export const vmExecSchema = z.strictObject({
  vm: vmRefSchema,
  /** The argv; empty opens the user's login shell. */
  argv: z.array(z.string()),
  /** With an empty argv, where the image has no shell: runs what the image is made to run. */
  orImageCommand: z.boolean().optional(),
  env: z.array(z.string()),
  /** Working directory in the guest; the image's when absent, or else the user's home. */
  cwd: z.string().optional(),
  /** Name or number, optionally `:group`; the image's when absent, or else root. */
  user: z.string().optional(),
  tty: terminalSizeSchema.extend({ term: z.string() }).optional(),
});
export type VmExec = z.infer<typeof vmExecSchema>;

/** A byte stream to be picked up with `stream.attach` on a connection of its own; the token works once. */
export const streamSchema = z.object({ stream: z.string() });
export const execStartedSchema = streamSchema.extend({
  /** Names the session in `exec.signal` and `exec.resize`. */ session: z.string(),
  pid: z.int(),
});

export const execSignalSchema = z.strictObject({
  session: z.string(),
  signal: z.int().min(1).max(64),
});
export const execResizeSchema = terminalSizeSchema.extend({
  session: z.string(),
});

/** How a command ended; the payload of the last frame of an exec stream, as JSON. */
export const execEndSchema = z.union([
  z.object({ status: z.int() }),
  z.object({ signal: z.int(), coreDumped: z.boolean() }),
  z.object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string(),
    }),
  }),
]);
export type ExecEnd = z.infer<typeof execEndSchema>;
