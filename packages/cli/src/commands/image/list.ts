import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  options: {
    available: { flags: '-a, --available', text: 'those of the catalog too, and whether they are here' },
  },
  examples: [
    ['banger image list', 'what is on this machine'],
    ['banger image list --available', 'what could be pulled, too'],
  ],
  run: async (context, { options }) => {
    const images = await context.call(
      'image.list',
      { available: options.available === true },
      'Listing the images',
    );
    if (images.length === 0) {
      context.reporter.notice('There are no images here. See: banger image list --available');
      if (!context.json) return {};
    }
    return { view: { kind: 'image.list', data: images } };
  },
});
