import { defineCommand } from '../../command.ts';
import { detachOption, startDetached } from '../../options/detach.ts';
import { parseStoredName } from '../../options/names.ts';

export const command = defineCommand({
  details: 'An image that is here already is left as it is. Prints its name.',
  args: '<image>',
  options: detachOption,
  examples: [
    ['banger image pull debian-bookworm', 'what vm run would fetch by itself'],
    ['banger image pull -d debian-bookworm-systemd', 'in the background; follow it with operation watch'],
  ],
  run: async (context, input) => {
    const name = parseStoredName(input.name);
    const label = `Pulling image ${name}`;
    if (input.options.detach) return startDetached(context, 'image.pull', { image: name }, label);
    const image = await context.call('image.pull', { image: name }, label);
    return { view: { kind: 'image.made', data: image } };
  },
});
