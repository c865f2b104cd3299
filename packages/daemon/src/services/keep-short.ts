import type { RunDirectory } from '../host/run-directory.ts';
import type { Chore } from './background-loop.ts';

/** How long no VM can be started after a link was swept, which cleaners of `/tmp` do once a day; a look costs microseconds. */
const PAUSE_MS = 5_000;

/** Makes the short path to the directory for sockets anew when it is taken away. */
export function keepShort(directory: Pick<RunDirectory, 'ensure'>): Chore {
  return { name: 'short path for sockets', pauseMs: PAUSE_MS, run: () => directory.ensure() };
}
