import type { GcReport, Orphan } from '@banger/contract/gc';
import { toBangerError } from '@banger/contract/error';
import type { Logger } from 'pino';
import type { Clock } from '../../host/clock.ts';
import type { StatePlace } from '../../store/state-place.ts';
import type { VmRepository } from '../../store/vm-repository.ts';
import { tell } from '../operation.ts';
import type { FoundOrphan, OrphanFinder } from './finder.ts';

/**
 * What is younger is left alone. A thing is made some milliseconds after the row that stands for it and goes some before, and a look
 * takes as long; on a machine so busy that these become seconds, half a minute still keeps them apart. What is an orphan now is one then.
 */
export const MIN_AGE_MS = 30_000;

/** How orphans are collected. */
export interface CollectOptions {
  readonly dryRun: boolean;
  /** Somebody asked for it: what a person may want back goes as well. */
  readonly asked: boolean;
  readonly minAgeMs?: number;
  readonly signal?: AbortSignal;
}

export interface CollectDeps {
  readonly vms: Pick<VmRepository, 'find'>;
  readonly place: Pick<StatePlace, 'check'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Lists the orphans that these finders see and removes them, in the order of the finders. What fails is told for that orphan and keeps
 * no other from being removed. Rejects with `state_lost`, and removes nothing, once the state is no longer this daemon's.
 */
export async function collect(
  finders: readonly OrphanFinder[],
  { vms, place, clock, log }: CollectDeps,
  { dryRun, asked, minAgeMs = MIN_AGE_MS, signal }: CollectOptions,
): Promise<GcReport> {
  tell({ stage: 'Looking for orphans' });
  const unseen: string[] = [];
  const found: FoundOrphan[] = [];
  // All are looked for before any is removed: what goes with another one is told as well.
  for (const { title, find } of finders) {
    signal?.throwIfAborted();
    try {
      found.push(...(await find()));
    } catch (thrown) {
      unseen.push(`${title}: ${toBangerError(thrown).message}`);
    }
  }
  const orphans: Orphan[] = [];
  for (const orphan of found) {
    // One of the future is from before the clock was set back: how old it is nobody knows.
    if (Math.abs(clock.now() - orphan.since) < minAgeMs || (orphan.wanted === true && !asked)) continue;
    signal?.throwIfAborted();
    place.check();
    const end = dryRun ? ({ outcome: 'found', reason: '' } as const) : await remove(orphan);
    if (end === undefined) continue;
    const { kind, what, vm = '', since, action } = orphan;
    const vmName = vms.find(vm)?.spec.name ?? '';
    orphans.push({ ...{ kind, what, vm, vmName, since: new Date(since).toISOString(), action }, ...end });
    if (!dryRun) log[end.outcome === 'failed' ? 'warn' : 'info']({ kind, what, vm, ...end }, 'orphan');
  }
  for (const what of unseen) log.warn({ what }, 'orphans could not be looked for');
  const ok = unseen.length === 0 && orphans.every(({ outcome }) => outcome !== 'failed');
  return { orphans, unseen, ok };
}

/** What became of it; undefined when it was no orphan any more. */
async function remove(orphan: FoundOrphan): Promise<Pick<Orphan, 'outcome' | 'reason'> | undefined> {
  tell({ stage: `Removing ${orphan.what}` });
  try {
    return (await orphan.remove()) ? { outcome: 'removed', reason: '' } : undefined;
  } catch (thrown) {
    return { outcome: 'failed', reason: toBangerError(thrown).message };
  }
}
