import { defineCommand } from '../../command.ts';
import { itemsOfVms } from '../each.ts';

export const command = defineCommand({
  details:
    'Each listener once, whatever the addresses it has. TCP ports are connected to from inside the VM, so that the list says which of them speak HTTP or HTTPS; a server that takes one connection only should be listed with --no-probe. -q prints the endpoints alone.',
  args: '<names...>',
  options: {
    noProbe: { flags: '--no-probe', text: 'connect to none of them' },
  },
  examples: [
    ['banger vm ports box', 'as box.vm:8080, http, python3'],
    ['banger vm ports web db', 'of two VMs'],
    ['banger vm ports --no-probe box', 'only look'],
  ],
  run: async (context, { args, options }) => {
    const { items, status } = await itemsOfVms(context, args, async ({ id, name, state }) => {
      const params = { vm: id, probe: options.noProbe !== true };
      const result = await context.call('vm.ports', params, `Looking at the ports of ${name}`);
      if (result.length === 0) context.reporter.notice(`Nothing listens in ${name}.`);
      return { state, result };
    });
    return { view: { kind: 'vm.ports', data: items }, status };
  },
});
