import { z } from 'zod';

/** How far a call has come; sent as notification `$/progress` while it is at work. */
export const progressSchema = z.object({
  /** Id of the operation, the same in every log line of it. */
  operation: z.string(),
  /** What is being done, as `Building image debian-bookworm`. */
  stage: z.string(),
  detail: z.string().optional(),
  done: z.number().optional(),
  total: z.number().optional(),
  unit: z.enum(['bytes', 'steps']).optional(),
  /** How far one of several things of the stage has come that are done side by side, as a layer by its digest; in the unit of the stage. */
  part: z.object({ name: z.string(), done: z.number(), total: z.number() }).optional(),
  /** Set on the last event of a stage: how long it took. */
  ms: z.number().optional(),
  /** `notice`: worth a line of its own for a person; `warning`: something could not be done. */
  level: z.enum(['stage', 'notice', 'warning']),
});
export type Progress = z.infer<typeof progressSchema>;
