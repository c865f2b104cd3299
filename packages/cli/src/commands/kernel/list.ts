import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  options: {
    available: { flags: '-a, --available', text: 'those of all catalogs too, and whether they are here' },
  },
  examples: [
    ['banger kernel list', 'what is on this machine'],
    ['banger kernel list --available', 'what could be pulled, too'],
    ['banger kernel list --available --json', 'the same for a program'],
  ],
  run: async (context, { options }) => {
    const kernels = await context.call(
      'kernel.list',
      { available: options.available === true },
      'Listing the kernels',
    );
    if (kernels.length === 0) {
      context.reporter.notice('There are no kernels here. See: banger kernel list --available');
      if (!context.json) return {};
    }
    return { view: { kind: 'kernel.list', data: kernels } };
  },
});
