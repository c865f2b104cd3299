import type { Readable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import { defineCommand } from '../command.ts';
import { parseText } from '../options/choice.ts';

export const command = defineCommand({
  details:
    'Begins with how things stand, then tells each change as it happens, until Ctrl-C. As JSON, each event is an object on a line; the first is a snapshot, so that a script which waits for something misses nothing.',
  options: {
    vm: {
      flags: '--vm <vm>',
      text: 'only what happens to this VM, also when it is made later; repeatable',
      parse: parseText,
      repeat: true,
    },
  },
  examples: [
    ['banger events', 'everything, for people'],
    ['banger events --json --vm box --vm web', 'two VMs, for programs'],
  ],
  run: async (context, { options }) => {
    const { signal } = context;
    const client = await context.client();
    const stream = await client.events({ vms: [...(options.vm ?? [])] }, { signal });
    try {
      await context.copyOut(context.json ? stream : await forPeople(stream));
    } finally {
      stream.destroy();
    }
    if (!signal.aborted)
      throw new BangerError('daemon_unreachable', 'The daemon has ended, and its events with it.');
    return {};
  },
});

async function forPeople(stream: Readable): Promise<Readable> {
  const [{ mapLines }, { eventLine }] = await Promise.all([
    import('../render/map-lines.ts'),
    import('../render/event-lines.ts'),
  ]);
  return mapLines(stream, eventLine);
}
