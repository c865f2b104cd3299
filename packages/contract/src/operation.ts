import { z } from 'zod';

/** The id of an operation, or an unambiguous prefix of it. */
const operationIdSchema = z.string().min(1).max(64);

/** What an operation works on. A VM that the daemon did not find has the name that was asked for. */
export const subjectSchema = z.object({ kind: z.enum(['vm', 'image', 'kernel']), name: z.string() });
export type Subject = z.infer<typeof subjectSchema>;

/** `cancelled`: ended early and undone, by whoever it was. */
const operationStateSchema = z.enum(['running', 'done', 'failed', 'cancelled']);
export type OperationState = z.infer<typeof operationStateSchema>;

/** A call that changes something, at work or ended a while ago. Times are ISO 8601 in UTC. */
export const operationViewSchema = z.object({
  /** The same as in every log line of it and in the text of its error. */
  id: z.string(),
  method: z.string(),
  /** Absent where that is none of these. */
  on: subjectSchema.optional(),
  /** Process of the client that asked for it, as that client said; absent where it did not, and for the daemon's own. */
  client: z.int().optional(),
  /** Goes on when its client leaves. */
  detached: z.boolean(),
  state: operationStateSchema,
  /** The stage that began last; empty when none was told. */
  stage: z.string(),
  detail: z.string(),
  /** How far that stage is, in `unit`. */
  done: z.number().optional(),
  total: z.number().optional(),
  unit: z.enum(['bytes', 'steps']).optional(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  /** Why it failed or was cancelled. */
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});
export type OperationView = z.infer<typeof operationViewSchema>;

/** The same with what its method answered: absent before its end, and when it is too long to be kept. */
export const operationOutcomeSchema = operationViewSchema.extend({ result: z.unknown().optional() });
export type OperationOutcome = z.infer<typeof operationOutcomeSchema>;

export const operationRefSchema = z.strictObject({ operation: operationIdSchema });
export const operationListSchema = z.strictObject({
  /** Those that have ended, too. */ all: z.boolean(),
});
/** A call whose answer nobody waits for. */
export const operationStartSchema = z.strictObject({
  method: z.string(),
  params: z.record(z.string(), z.unknown()),
});
