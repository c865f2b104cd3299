import { defineCommand } from '../../command.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  details: 'Delete, reset and prune work again.',
  args: '<names...>',
  options: {},
  examples: [
    ['banger vm unprotect box', 'let it be deleted again'],
    ['banger vm unprotect web db', 'two at once'],
  ],
  run: (context, { args }) =>
    eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call('vm.protect', { vm: id, protected: false }, `Unprotecting ${name}`);
      return { state: 'no longer protected', result: vm };
    }),
});
