import { defineCommand } from '../../command.ts';
import { eachName } from '../each.ts';

export const command = defineCommand({
  details:
    'Waits until what they did so far is undone: a creation or a pull leaves nothing, a start leaves the VM stopped. A stop or a deletion is cancelled only while it waits for its turn; one that has begun goes on to its end, and is told with status 1.',
  args: '<operations...>',
  options: {},
  examples: [
    ['banger operation cancel 3f9c1d20ab47', 'end it, whoever began it'],
    ['banger op cancel $(banger op list -q)', 'all that is at work'],
  ],
  run: (context, { args }) =>
    eachName(context, args, async (id) => {
      const operation = await context.call('operation.cancel', { operation: id }, `Cancelling ${id}`);
      const { state, method } = operation;
      const late = `${method} had come too far to be cancelled: it is ${state}`;
      return { state, result: operation, warnings: state === 'cancelled' ? [] : [late] };
    }),
});
