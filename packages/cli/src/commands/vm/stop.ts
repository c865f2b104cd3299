import { defineCommand } from '../../command.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  details: 'A guest that does not power off in time is ended; the result says so.',
  args: '<names...>',
  options: {
    force: { flags: '-f, --force', text: 'do not ask the guest; its unwritten data is lost' },
  },
  examples: [
    ['banger vm stop box', 'the guest writes its data, then powers off'],
    ['banger vm stop web db', 'two at once'],
    ['banger vm stop --force box', 'at once'],
  ],
  run: (context, { args, options }) =>
    eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call('vm.stop', { vm: id, force: options.force === true }, `Stopping ${name}`);
      // What the console said last stands below it: see vm show.
      const [reason = ''] = vm.reason.split('\n');
      return { state: reason === '' ? vm.state : `${vm.state} (${reason})`, result: vm };
    }),
});
