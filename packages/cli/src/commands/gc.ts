import { defineCommand } from '../command.ts';
import { exitStatus } from '../exit-status.ts';

export const command = defineCommand({
  details:
    'Orphans are processes, directories, files and records of ours for which there is no VM and no call at work. The daemon removes ' +
    'most of them by itself; disks of a VM that it does not know it leaves to this command, which deletes them. Nothing of another ' +
    'BANGER_HOME or user is looked at, and nothing younger than half a minute. The exit status is 1 when something could not be removed.',
  options: { dryRun: { flags: '-n, --dry-run', text: 'list what would be removed, and remove nothing' } },
  examples: [
    ['banger gc --dry-run', 'each orphan, whose it was, and what would be done with it'],
    ['banger gc', 'remove them'],
    ['banger gc --json', 'the same for programs'],
  ],
  run: async (context, { options }) => {
    const dryRun = options.dryRun === true;
    const report = await context.call(
      'daemon.gc',
      { dryRun },
      dryRun ? 'Looking for orphans' : 'Removing orphans',
    );
    return {
      view: { kind: 'gc', data: report },
      status: report.ok ? exitStatus.done : exitStatus.failed,
    };
  },
});
