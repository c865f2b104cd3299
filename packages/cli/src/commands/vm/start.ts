import { defineCommand } from '../../command.ts';
import { waitOption } from '../../options/vm-options.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  args: '<names...>',
  options: waitOption,
  examples: [
    ['banger vm start box', 'start it, and wait until commands can run in it'],
    ['banger vm start web db --wait init', 'two at once, until their services are up'],
  ],
  run: (context, { args, options }) =>
    eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call(
        'vm.start',
        { vm: id, waitInit: options.wait === 'init' },
        `Starting ${name}`,
      );
      return { state: vm.state, result: vm };
    }),
});
