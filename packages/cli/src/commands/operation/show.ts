import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  details: 'An id may be cut short as long as it is the only one that begins so.',
  args: '<operation>',
  options: {},
  examples: [
    ['banger operation show 3f9c1d20ab47', 'its stage, or how it ended'],
    ['banger op show 3f9c --json', 'for programs, and with its result'],
  ],
  run: async (context, { name }) => {
    const operation = await context.call('operation.show', { operation: name }, `Looking at ${name}`);
    return { view: { kind: 'operation.show', data: operation } };
  },
});
