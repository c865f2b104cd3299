import { defineCommand } from '../../command.ts';
import { absoluteImage, parseImage } from '../../options/image.ts';
import { eachName } from '../each.ts';

export const command = defineCommand({
  details:
    'An image that was registered is a file of yours. After this it is a copy, and the file may change or go. Refused while a VM has the image: its disk is over the file.',
  args: '<names...>',
  options: {},
  examples: [['banger image promote mine', 'from then on as any other image']],
  run: (context, { args }) =>
    eachName(context, args, async (name) => {
      const result = await context.call(
        'image.promote',
        { image: absoluteImage(parseImage(name), context.machine.cwd) },
        `Copying image ${name}`,
      );
      return { state: 'promoted', result };
    }),
});
