import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  args: '<name>',
  options: {},
  examples: [
    [
      'banger vm show box',
      'state, machine, both kinds of readiness, steps of the last create, start or stop',
    ],
    ['banger vm show box --json', 'the same for programs'],
  ],
  run: async (context, { name }) => {
    const vm = await context.call('vm.show', { vm: name }, `Looking at ${name}`);
    return { view: { kind: 'vm.show', data: vm } };
  },
});
