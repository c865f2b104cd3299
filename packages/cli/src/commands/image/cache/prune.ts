import { defineCommand } from '../../../command.ts';

export const command = defineCommand({
  details:
    'Layers of images that were fetched from registries are kept, so that an image which shares them, or is pulled again, fetches only what is new. VMs and images do not need them.',
  options: { dryRun: { flags: '-n, --dry-run', text: 'count what would be removed, and remove nothing' } },
  examples: [
    ['banger image cache prune --dry-run', 'what it would free'],
    ['banger image cache prune', 'remove the fetched layers; what a pull works with stays'],
  ],
  run: async (context, { options }) => {
    const dryRun = options.dryRun === true;
    const pruned = await context.call(
      'cache.prune',
      { dryRun },
      dryRun ? 'Counting layers' : 'Removing layers',
    );
    return { view: { kind: 'cache.pruned', data: { ...pruned, dryRun } } };
  },
});
