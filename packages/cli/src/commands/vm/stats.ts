import { defineCommand } from '../../command.ts';
import { itemsOfVms } from '../each.ts';

export const command = defineCommand({
  details:
    "One VM is told in full, several in a table. What the host sees (CPU and memory of the VMM, disks) is there also when the guest's agent does not answer; what the guest says of itself are its claims. CPU is that of half a second: 100 % is one CPU at work all the time.",
  args: '[names...]',
  options: {},
  examples: [
    ['banger vm stats', 'all VMs that run'],
    ['banger vm stats box', 'all about one, with its file systems'],
    ['banger vm stats --json web db', 'for programs'],
  ],
  run: async (context, { args }) => {
    const { items, status } = await itemsOfVms(
      context,
      args,
      async ({ id, name, state }) => {
        const result = await context.call('vm.stats', { vm: id }, `Measuring ${name}`);
        return { state, result };
      },
      { unnamed: ({ runtime }) => runtime !== undefined },
    );
    if (items.length === 0) context.reporter.notice('No VM runs. Start one with: banger vm run');
    return items.length === 0 && !context.json ? {} : { view: { kind: 'vm.stats', data: items }, status };
  },
});
