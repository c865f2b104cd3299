import type { Chore } from '../background-loop.ts';
import type { GcService } from './service.ts';

/** A look takes some tens of milliseconds, most of them for the list of processes; nothing that leaks is in a hurry. */
const PAUSE_MS = 60_000;

/** Removes orphans as they come to be. */
export function reaper(gc: Pick<GcService, 'reap'>): Chore {
  return { name: 'reaper', pauseMs: PAUSE_MS, run: (signal) => gc.reap(signal) };
}
