import { defineCommand } from '../../command.ts';
import { absoluteImage, parseImage } from '../../options/image.ts';
import { eachName } from '../each.ts';

export const command = defineCommand({
  args: '<names...>',
  options: {},
  examples: [['banger image delete debian-bookworm', 'free its space; refused while a VM uses it']],
  run: (context, { args }) =>
    eachName(context, args, async (name) => {
      const result = await context.call(
        'image.delete',
        { image: absoluteImage(parseImage(name), context.machine.cwd) },
        `Deleting image ${name}`,
      );
      return { state: 'deleted', result };
    }),
});
