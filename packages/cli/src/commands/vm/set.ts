import type { VmSpecChange } from '@banger/contract/vm';
import { defineCommand, type OptionRows, type OptionValues } from '../../command.ts';
import { parseChoice } from '../../options/choice.ts';
import { parseDiskBytes, parseMemoryMib, parseRootBytes, parseVcpu } from '../../options/size.ts';
import { usageError } from '../../options/usage.ts';
import { eachVm } from '../each.ts';

/** What of a VM can be changed. */
const changeOptions = {
  vcpu: { flags: '--vcpu <count>', text: 'virtual CPUs; of a stopped VM', parse: parseVcpu },
  memory: {
    flags: '--memory <size>',
    text: 'memory, in MiB or with a unit, as 2G; of a stopped VM',
    parse: parseMemoryMib,
  },
  diskSize: {
    flags: '--disk-size <size>',
    text: 'work disk, at /root, as 16G; grows only',
    parse: parseDiskBytes,
  },
  rootSize: {
    flags: '--root-size <size>',
    text: 'root disk, as 16G; grows only; of a stopped VM',
    parse: parseRootBytes,
  },
  network: {
    flags: '--network <kind>',
    text: 'user: a network of its own that reaches out; none: no network card; of a stopped VM',
    parse: parseChoice('user', 'none'),
  },
  nat: { flags: '--nat', text: 'let the VM reach the outside' },
  noNat: { flags: '--no-nat', text: 'keep the VM from reaching the outside' },
} as const satisfies OptionRows;

export const command = defineCommand({
  details:
    'A stopped VM has it from its next start on. Of a running one, the work disk grows and the way out opens and closes at once; ' +
    'when anything else is asked for as well, nothing is changed.',
  args: '<names...>',
  options: changeOptions,
  examples: [
    ['banger vm set --disk-size 16G box', 'more room at /root, at once if it runs'],
    ['banger vm set --no-nat web db', 'close the way out of two VMs'],
    ['banger vm set --memory 4G --vcpu 4 box', 'a larger machine from its next start on'],
  ],
  run: (context, { args, options }) => {
    const change = changeOf(options);
    if (Object.keys(change).length === 0)
      throw usageError('There is nothing to change.', 'Write what to change, as --memory 4G.');
    return eachVm(context, args, async ({ id, name }) => {
      const vm = await context.call('vm.set', { vm: id, change }, `Changing ${name}`);
      const when = vm.state === 'running' ? 'changed' : 'changed, from its next start on';
      return { state: when, result: vm };
    });
  },
});

function changeOf(options: OptionValues<typeof changeOptions>): VmSpecChange {
  const { vcpu, memory, diskSize, rootSize, network, nat, noNat } = options;
  return {
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memory === undefined ? {} : { memoryMib: memory }),
    ...(diskSize === undefined ? {} : { diskBytes: diskSize }),
    ...(rootSize === undefined ? {} : { rootBytes: rootSize }),
    ...(network === undefined ? {} : { network }),
    ...(nat === undefined ? {} : { outbound: true }),
    ...(noNat === undefined ? {} : { outbound: false }),
  };
}
