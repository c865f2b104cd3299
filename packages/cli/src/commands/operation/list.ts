import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  details: 'An operation is a call that changes something: making a VM, a start, a stop, a pull.',
  options: { all: { flags: '-a, --all', text: 'those that ended in the last hour, too' } },
  examples: [
    ['banger operation list', 'what is being done now, how far it is, and for whom'],
    ['banger op ls --all', 'and what became of those before'],
  ],
  run: async (context, { options }) => {
    const all = options.all === true;
    const operations = await context.call('operation.list', { all }, 'Listing the operations');
    if (operations.length === 0) {
      const more = all ? '' : ' Those that ended: banger operation list --all';
      context.reporter.notice(`Nothing is at work.${more}`);
      if (!context.json) return {};
    }
    return { view: { kind: 'operation.list', data: operations } };
  },
});
