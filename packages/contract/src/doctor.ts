import { z } from 'zod';

/** One check of the doctor. */
export const doctorCheckSchema = z.object({
  /** Stable id, as `tool.qemu-system-x86_64`. */
  id: z.string(),
  title: z.string(),
  status: z.enum(['pass', 'warn', 'fail']),
  detail: z.string(),
  /** The command that mends it, or where to look; empty when it passes. */
  fix: z.string(),
});
export const doctorReportSchema = z.object({
  checks: z.array(doctorCheckSchema),
  ok: z.boolean(),
});
export type DoctorCheck = z.infer<typeof doctorCheckSchema>;
export type DoctorReport = z.infer<typeof doctorReportSchema>;
