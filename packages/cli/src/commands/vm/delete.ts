import { defineCommand } from '../../command.ts';
import { eachWholeVm } from '../each.ts';

export const command = defineCommand({
  details:
    'A running VM is stopped first. What is on its disks is gone. A name is to be written whole; of an id its beginning is enough.',
  args: '<names...>',
  options: {},
  examples: [
    ['banger vm delete box', 'stop it if it runs, then remove all that belongs to it'],
    ['banger vm rm web db', 'two at once, with the short name of the command'],
  ],
  run: (context, { args }) =>
    eachWholeVm(context, args, async ({ id, name }) => {
      const deleted = await context.call('vm.delete', { vm: id }, `Deleting ${name}`);
      const warnings = deleted.leftOver.map((what) => `could not be removed: ${what}`);
      return { state: 'deleted', result: deleted, warnings };
    }),
});
