import { defineCommand } from '../../command.ts';
import { waitOption } from '../../options/vm-options.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  details: 'A VM that runs already is left as it is; the result says so.',
  args: '<names...>',
  options: waitOption,
  examples: [
    ['banger vm start box', 'start it, and wait until commands can run in it'],
    ['banger vm start web db --wait init', 'two at once, until their services are up'],
  ],
  run: (context, { args, options }) =>
    eachVm(context, args, async ({ id, name, runtime }) => {
      const vm = await context.call(
        'vm.start',
        { vm: id, waitInit: options.wait === 'init' },
        `Starting ${name}`,
      );
      const ran = runtime !== undefined && vm.runtime?.startedAt === runtime.startedAt;
      return { state: ran ? `${vm.state} (it ran already)` : vm.state, result: vm };
    }),
});
