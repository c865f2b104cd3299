import { defineCommand } from '../../command.ts';
import { parseSignalName } from '../../options/signal-name.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  details: 'The signal goes to the process that runs the VM; what it leaves is then cleaned up.',
  args: '<names...>',
  options: {
    signal: { flags: '-s, --signal <signal>', text: 'as TERM or 15 (default: KILL)', parse: parseSignalName },
  },
  examples: [
    ['banger vm kill box', 'as if its power was cut'],
    ['banger vm kill --signal TERM box', 'let the VMM end by itself'],
  ],
  run: (context, { args, options }) =>
    eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call(
        'vm.kill',
        { vm: id, signal: options.signal ?? 'SIGKILL' },
        `Killing ${name}`,
      );
      return { state: vm.state, result: vm };
    }),
});
