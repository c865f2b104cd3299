import { defineCommand } from '../../command.ts';
import { absoluteImage, parseImage } from '../../options/image.ts';

export const command = defineCommand({
  args: '<name>',
  options: {},
  examples: [['banger image show debian-bookworm', 'its size, its kernel, its init and who uses it']],
  run: async (context, input) => {
    const name = absoluteImage(parseImage(input.name), context.machine.cwd);
    return {
      view: {
        kind: 'image.show',
        data: await context.call('image.show', { image: name }, `Looking at ${name}`),
      },
    };
  },
});
