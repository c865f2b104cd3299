import { BangerError } from '@banger/contract/error';
import { defineCommand, type CommandContext, type Outcome } from '../../command.ts';
import { copyIn, type CopyOptions } from '../../copy/copy-in.ts';
import { copyOut } from '../../copy/copy-out.ts';
import { parseLocation, type Location } from '../../copy/location.ts';
import { Tally } from '../../copy/tally.ts';
import { exitStatus } from '../../exit-status.ts';
import { usageError } from '../../options/usage.ts';

export const command = defineCommand({
  details:
    "The last path is where the others go; one side is NAME:PATH, a running VM's. As with cp -r: into a directory that is there, else under the name given, whose directory must exist; what SRC/. holds goes there without its own name. Relative paths of a VM begin at /root. - is standard input or output, with a file's content. Modes and times are kept, but for set-user-id, set-group-id and sticky bits; what goes into a VM belongs to root. Links are copied as links and never followed, neither here nor there. Each file takes its place when it is whole.",
  args: '<path...>',
  options: {
    follow: { flags: '-L, --follow', text: 'copy what a SRC that is a link leads to' },
  },
  examples: [
    ['banger vm cp notes.txt box:', 'a file into /root'],
    ['banger vm cp ./src box:/srv', 'a tree, as /srv/src'],
    ['banger vm cp ./src/. box:/srv/app', 'what is in it, as /srv/app'],
    ['banger vm cp a.txt b.txt box:/tmp/', 'several into a directory'],
    ['banger vm cp box:/var/log ./logs', 'out of the VM'],
    ['banger vm cp box:/etc/os-release -', 'a file on standard output'],
    ['gzip -dc dump.gz | banger vm cp - box:/tmp/dump', 'standard input as a file'],
  ],
  run: async (context, { args, options }) => {
    const { sources, target } = readPaths(args, context.machine.cwd);
    const copyOptions = { into: sources.length > 1, follow: options.follow === true };
    const task = context.reporter.follow('Copying');
    const tally = new Tally(context.machine.clock, task);
    try {
      for (const { word, location } of sources) {
        tally.begin(word);
        await copy(context, location, target.location, copyOptions, tally);
      }
    } catch (error) {
      if (tally.begun) tally.warn(`${target.word} may hold a part of the copy; each file in it is whole`);
      throw error;
    } finally {
      task.end();
    }
    return outcome(context, tally, target.location);
  },
});

interface Word {
  readonly word: string;
  readonly location: Location;
}

function readPaths(args: readonly string[], cwd: string): { sources: readonly Word[]; target: Word } {
  const words = args.map((word) => ({ word, location: parseLocation(word, cwd) }));
  const target = words.at(-1);
  const sources = words.slice(0, -1);
  if (target === undefined || sources.length === 0)
    throw usageError(
      'A copy has a source and a target.',
      'Write banger vm cp SRC NAME:PATH, or NAME:PATH DST.',
    );
  const guests = words.filter(({ location }) => location.kind === 'guest').length;
  if (target.location.kind === 'guest' ? guests > 1 : guests < sources.length)
    throw usageError(
      'One side of a copy is a VM, the other this machine.',
      'Write NAME:PATH for a path of a VM, and ./a:b for a file of this machine with a colon in its name.',
    );
  const streams = words.filter(({ location }) => location.kind === 'stream').length;
  if (streams > 0 && sources.length > 1)
    throw usageError(
      'Standard input or output is copied alone.',
      'Copy the others with a command of their own.',
    );
  return { sources, target };
}

async function copy(
  context: CommandContext,
  source: Location,
  target: Location,
  options: CopyOptions,
  tally: Tally,
): Promise<void> {
  if (target.kind === 'guest') {
    if (source.kind !== 'guest') await copyIn(context, source, target, options, tally);
  } else if (source.kind === 'guest') await copyOut(context, source, target, options, tally);
}

function outcome(context: CommandContext, tally: Tally, target: Location): Outcome {
  const { unreadable, result } = tally;
  if (unreadable > 0)
    context.showError(
      new BangerError('copy_failed', `Not all was copied: ${unreadable} could not be read.`, {
        details: { skips: result.skips },
      }),
    );
  return {
    ...(target.kind === 'stream' ? {} : { view: { kind: 'copied', data: result } }),
    ...(unreadable > 0 ? { status: exitStatus.failed } : {}),
  };
}
