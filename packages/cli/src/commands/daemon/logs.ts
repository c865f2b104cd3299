import { Readable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import { defineCommand } from '../../command.ts';
import { parseCount } from '../../options/size.ts';
import { readLog } from './log-file.ts';

export const command = defineCommand({
  details:
    'Reads the file itself, so it works without a daemon. --json gives the JSON lines as they are written.',
  options: {
    follow: { flags: '-f, --follow', text: 'go on as more is written' },
    lines: { flags: '-n, --lines <count>', text: 'the last lines only', parse: parseCount },
  },
  examples: [
    ['banger daemon logs -n 50', 'the last 50 lines'],
    ['banger daemon logs -f', 'the whole log, and what follows'],
  ],
  run: async (context, { options }) => {
    const { machine, signal } = context;
    const { log } = machine.paths;
    const request = { lines: options.lines, follow: options.follow === true, signal, clock: machine.clock };
    const bytes = Readable.from(readLog(log, request), { objectMode: false });
    try {
      await context.copyOut(context.json ? bytes : await forPeople(bytes));
    } catch (cause) {
      throw unreadable(log, cause);
    } finally {
      bytes.destroy();
    }
    return {};
  },
});

async function forPeople(bytes: Readable): Promise<Readable> {
  const [{ mapLines }, { logLine }] = await Promise.all([
    import('../../render/map-lines.ts'),
    import('../../render/log-lines.ts'),
  ]);
  return mapLines(bytes, logLine);
}

function unreadable(log: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    const hint = 'The next command that needs the daemon starts one.';
    return new BangerError('daemon_unreachable', `There is no log yet at ${log}: no daemon has run.`, {
      cause,
      hint,
    });
  }
  if (code === 'EACCES' || code === 'EISDIR') {
    const hint = 'Look at its owner and mode with: ls -l';
    return new BangerError('path_unsafe', `The log ${log} cannot be read (${code}).`, { cause, hint });
  }
  return cause;
}
