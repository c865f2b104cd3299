import { defineCommand } from '../../command.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  details: 'Delete, reset and prune refuse a protected VM; everything else works as before.',
  args: '<names...>',
  options: {},
  examples: [
    ['banger vm protect box', 'keep it from being deleted by mistake'],
    ['banger vm protect web db', 'two at once'],
  ],
  run: (context, { args }) =>
    eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call('vm.protect', { vm: id, protected: true }, `Protecting ${name}`);
      return { state: 'protected', result: vm };
    }),
});
