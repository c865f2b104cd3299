import { defineCommand } from '../../command.ts';
import { waitOption } from '../../options/vm-options.ts';
import { eachWholeVm } from '../each.ts';

export const command = defineCommand({
  details:
    'The root disk begins anew from its image; what is in /root, on the work disk, stays. A VM that runs is stopped and started again. ' +
    'A protected one is refused. A name is to be written whole; of an id its beginning is enough.',
  args: '<names...>',
  options: waitOption,
  examples: [
    ['banger vm reset box', 'undo all that was installed or broken outside /root'],
    ['banger vm reset web db', 'two at once'],
  ],
  run: (context, { args, options }) =>
    eachWholeVm(context, args, async ({ id, name }) => {
      const vm = await context.call(
        'vm.reset',
        { vm: id, waitInit: options.wait === 'init' },
        `Resetting ${name}`,
      );
      return { state: `${vm.state}, with a fresh root disk`, result: vm };
    }),
});
