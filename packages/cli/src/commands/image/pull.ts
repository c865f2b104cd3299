import { defineCommand } from '../../command.ts';
import { parseStoredName } from '../../options/names.ts';

export const command = defineCommand({
  details: 'An image that is here already is left as it is. Prints its name.',
  args: '<image>',
  options: {},
  examples: [['banger image pull debian-bookworm', 'what vm run would fetch by itself']],
  run: async (context, input) => {
    const name = parseStoredName(input.name);
    const image = await context.call('image.pull', { image: name }, `Pulling image ${name}`);
    return { view: { kind: 'image.made', data: image } };
  },
});
