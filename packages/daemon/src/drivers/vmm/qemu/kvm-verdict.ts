import { z } from 'zod';
import { isBangerError } from '@banger/contract/error';
import { readJson, writeFileAtomic } from '../../../host/private-files.ts';
import type { KvmFinding } from './kvm-check.ts';

/** How long a "no" counts that may have been the machine's mood: a "no" by error counts until its key changes. */
export const UNSURE_NO_MS = 60 * 60 * 1000;

/** What a verdict depends on: with another kernel, VMM or CPU it is found out anew. */
export interface VerdictKey {
  /** `uname -r`. */
  readonly hostKernel: string;
  readonly vmm: string;
  readonly cpu: string;
}

const schema = z.object({
  hostKernel: z.string(),
  vmm: z.string(),
  cpu: z.string(),
  works: z.boolean(),
  final: z.boolean(),
  reason: z.string(),
  checkedAt: z.number(),
});

/** A finding with its time, milliseconds since 1970. */
export type Verdict = KvmFinding & { readonly checkedAt: number };

/** The stored verdict for this key, unless it has run out by `now`. A file that cannot be read is as none: it is a cache. */
export async function readVerdict(path: string, key: VerdictKey, now: number): Promise<Verdict | undefined> {
  const stored = await readJson(path, (value) => schema.parse(value)).catch((error: unknown) => {
    if (isBangerError(error, 'file_damaged')) return undefined;
    throw error;
  });
  if (stored === undefined) return undefined;
  if (stored.hostKernel !== key.hostKernel || stored.vmm !== key.vmm || stored.cpu !== key.cpu)
    return undefined;
  const age = now - stored.checkedAt;
  // A time in the future says only that somebody set the clock.
  if (!stored.final && (age < 0 || age >= UNSURE_NO_MS)) return undefined;
  const { works, final, reason, checkedAt } = stored;
  return { works, final, reason, checkedAt };
}

/** Stores a verdict. */
export async function writeVerdict(path: string, key: VerdictKey, verdict: Verdict): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify({ ...key, ...verdict }, null, 2)}\n`);
}
