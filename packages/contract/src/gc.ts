import { z } from 'zod';

export const gcSchema = z.strictObject({
  /** Only look: remove nothing. */
  dryRun: z.boolean(),
});

/** Something of ours on the host that nothing stands for any more. */
export const orphanSchema = z.object({
  /** Stable, as `vmm`, `network`, `runtime`, `directory`, `ledger`, `staging`. */
  kind: z.string(),
  /** What it is, for a person: a path, a process id. */
  what: z.string(),
  /** Id of the VM that it was made for; empty when it was for none. */
  vm: z.string(),
  /** Name of that VM, where there is one of that id; else empty. */
  vmName: z.string(),
  /** When it was made or last written to, ISO 8601 in UTC. */
  since: z.string(),
  /** What removing it is, as `end it`, `delete it`. */
  action: z.string(),
  /** `found`: nothing was done, as asked. */
  outcome: z.enum(['found', 'removed', 'failed']),
  /** Why it could not be removed; empty otherwise. */
  reason: z.string(),
});
export type Orphan = z.infer<typeof orphanSchema>;

export const gcReportSchema = z.object({
  orphans: z.array(orphanSchema),
  /** What could not be looked at, each with the reason. */
  unseen: z.array(z.string()),
  /** False when something could not be looked at or removed. */
  ok: z.boolean(),
});
export type GcReport = z.infer<typeof gcReportSchema>;
