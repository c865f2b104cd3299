import { defineCommand } from '../../command.ts';
import { parseStoredName } from '../../options/names.ts';
import { eachName } from '../each.ts';

export const command = defineCommand({
  args: '<names...>',
  options: {},
  examples: [['banger image delete debian-bookworm', 'free its space; refused while a VM uses it']],
  run: (context, { args }) =>
    eachName(context, args, async (name) => {
      const result = await context.call(
        'image.delete',
        { image: parseStoredName(name) },
        `Deleting image ${name}`,
      );
      return { state: 'deleted', result };
    }),
});
