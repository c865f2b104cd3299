import { pass, warn, type Check } from './check.ts';

/** What a directory of ours is before a daemon makes it private; rejects where it would be refused. */
export type LookAtDirectory = (path: string) => Promise<'missing' | 'open' | 'private'>;

/** Whether a daemon would use these directories. That of its socket is the command line's to check, which connects there. */
export function directoriesCheck(directories: readonly string[], look: LookAtDirectory): Check {
  return {
    id: 'host.directories',
    title: 'Directories',
    run: async () => {
      const told: string[] = [];
      const open: string[] = [];
      for (const path of directories) {
        const found = await look(path);
        told.push(found === 'missing' ? `${path}, not there yet` : path);
        if (found === 'open') open.push(path);
      }
      if (open.length === 0) return pass(told.join('; '));
      return warn(
        `${open.join(' and ')} can be entered by other users; the next daemon closes it.`,
        `chmod 700 ${open.join(' ')}`,
      );
    },
  };
}
