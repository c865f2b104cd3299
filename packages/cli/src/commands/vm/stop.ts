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
      // The lines after the first, as those of a console, are for `vm show`.
      const [why = ''] = vm.reason.split('\n');
      return { state: why === '' ? vm.state : `${vm.state} (${why})`, result: vm };
    }),
});
