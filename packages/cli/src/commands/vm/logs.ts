import { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { defineCommand } from '../../command.ts';
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
    return {};
  },
});

/** Each line of the console as a JSON object on a line of its own. */
async function* jsonLines(stream: Readable): AsyncGenerator<string> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity }))
    yield `${JSON.stringify({ line })}\n`;
}
