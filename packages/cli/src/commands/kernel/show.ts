import { defineCommand } from '../../command.ts';
import { parseStoredName } from '../../options/names.ts';

export const command = defineCommand({
  args: '<name>',
  options: {},
  examples: [['banger kernel show debian-cloud', 'its release, its hash and who uses it']],
  run: async (context, input) => {
    const name = parseStoredName(input.name);
    return {
      view: {
        kind: 'kernel.show',
        data: await context.call('kernel.show', { kernel: name }, `Looking at ${name}`),
      },
    };
  },
});
