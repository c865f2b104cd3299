import { defineCommand } from '../command.ts';

export const command = defineCommand({
  details:
    'What images, kernels, disks of VMs and fetched layers take on this host, holes left out, and what of it deleting those that nobody needs would free.',
  options: {},
  examples: [
    ['banger df', 'what takes how much'],
    ['banger image cache prune', 'free what fetched layers take'],
    ['banger vm prune', 'free what stopped VMs take'],
  ],
  run: async (context) => ({
    view: { kind: 'df', data: await context.call('daemon.diskUse', {}, 'Looking at the disks') },
  }),
});
