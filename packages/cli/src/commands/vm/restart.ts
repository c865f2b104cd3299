import { defineCommand } from '../../command.ts';
import { waitOption } from '../../options/vm-options.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  args: '<names...>',
  options: waitOption,
  examples: [
    ['banger vm restart box', 'a clean stop and a fresh boot; its disks stay'],
    ['banger vm restart web db', 'two at once'],
  ],
  run: (context, { args, options }) =>
    eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call(
        'vm.restart',
        { vm: id, waitInit: options.wait === 'init' },
        `Restarting ${name}`,
      );
      return { state: vm.state, result: vm };
    }),
});
