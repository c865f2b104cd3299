import { defineCommand } from '../../command.ts';
import { parseStoredName } from '../../options/names.ts';
import { eachName } from '../each.ts';

export const command = defineCommand({
  args: '<names...>',
  options: {},
  examples: [['banger kernel delete mine', 'free its space; refused while an image or a VM uses it']],
  run: (context, { args }) =>
    eachName(context, args, async (name) => {
      const result = await context.call(
        'kernel.delete',
        { kernel: parseStoredName(name) },
        `Deleting kernel ${name}`,
      );
      return { state: 'deleted', result };
    }),
});
