import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  details: 'Every VM, whatever its state. -q prints the names alone.',
  options: {},
  examples: [
    ['banger vm list', 'all VMs'],
    ['banger ps', 'the same'],
    ['banger vm stop $(banger ps -q)', 'stop them all'],
    ['banger ps --json', 'all that is known of them, for programs'],
  ],
  run: async (context) => {
    const vms = await context.call('vm.list', {}, 'Listing the VMs');
    if (vms.length === 0) context.reporter.notice('There are no VMs. Make one with: banger vm run');
    return vms.length === 0 && !context.json ? {} : { view: { kind: 'vm.list', data: vms } };
  },
});
