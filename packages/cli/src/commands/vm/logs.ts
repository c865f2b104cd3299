import { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { BangerError, isBangerError } from '@banger/contract/error';
import { defineCommand, type CommandContext } from '../../command.ts';
import { parseCount } from '../../options/size.ts';

export const command = defineCommand({
  details:
    'What kernel, agent and init wrote to the console since the first boot. On a terminal colours are taken out and other control characters are shown; in a pipe every byte is passed on. As JSON, each line is an object.',
  args: '<name>',
  options: {
    follow: { flags: '-f, --follow', text: 'go on as more is written' },
    lines: { flags: '-n, --lines <count>', text: 'the last lines only', parse: parseCount },
  },
  examples: [
    ['banger vm logs box', 'the whole console'],
    ['banger vm logs -f -n 20 box', 'its last 20 lines, and what follows'],
  ],
  run: async (context, { name, options }) => {
    const client = await context.client();
    const stream = await client.logs(
      {
        vm: name,
        follow: options.follow === true,
        ...(options.lines === undefined ? {} : { lines: options.lines }),
      },
      { signal: context.signal },
    );
    try {
      await context.copyOut(context.json ? Readable.from(jsonLines(stream)) : stream);
    } finally {
      stream.destroy();
    }
    if (options.follow === true && !context.signal.aborted && (await exists(context, name)))
      throw new BangerError(
        'daemon_unreachable',
        'The daemon has ended, and the console is followed no more.',
      );
    return {};
  },
});

/** Whether there still is a VM whose console came to an end. Rejects as the daemon has ended when it has. */
async function exists({ call }: CommandContext, vm: string): Promise<boolean> {
  try {
    await call('vm.show', { vm }, 'Looking for the VM');
    return true;
  } catch (error) {
    if (isBangerError(error, 'vm_not_found')) return false;
    throw error;
  }
}

/** Each line of the console as a JSON object on a line of its own. */
async function* jsonLines(stream: Readable): AsyncGenerator<string> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity }))
    yield `${JSON.stringify({ line })}\n`;
}
