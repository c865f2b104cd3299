import { defineCommand } from '../../command.ts';
import { detachOption, startDetached } from '../../options/detach.ts';
import { parseStoredName } from '../../options/names.ts';

export const command = defineCommand({
  details:
    'Fetches a kernel of a catalog: of banger, or of kernel_catalogs in the configuration. Prints the name of the kernel.',
  args: '<kernel>',
  options: {
    force: { flags: '-f, --force', text: 'fetch it again, and replace the one that is here' },
    ...detachOption,
  },
  examples: [
    ['banger kernel list --available', 'the kernels that can be pulled'],
    ['banger kernel pull debian-cloud', 'what vm run would fetch by itself'],
    ['banger kernel pull --force debian-cloud', 'the newest build of it; running VMs keep the old one'],
  ],
  run: async (context, { options, ...input }) => {
    const name = parseStoredName(input.name);
    const params = { kernel: name, force: options.force === true };
    const label = `Pulling kernel ${name}`;
    if (options.detach) return startDetached(context, 'kernel.pull', params, label);
    return { view: { kind: 'kernel.made', data: await context.call('kernel.pull', params, label) } };
  },
});
