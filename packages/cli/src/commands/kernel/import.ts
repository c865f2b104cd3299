import { defineCommand } from '../../command.ts';
import { parseText } from '../../options/choice.ts';
import { kernelFileOptions, kernelFiles } from '../../options/kernel-files.ts';
import { parseStoredName } from '../../options/names.ts';
import { usageError } from '../../options/usage.ts';

export const command = defineCommand({
  details:
    'Takes a bzImage, a vmlinux, or a directory with one of them and its modules. Prints the name of the kernel.',
  args: '<new-name>',
  options: {
    from: { flags: '--from <path>', text: 'file or directory of this machine', parse: parseText },
    ...kernelFileOptions,
    force: { flags: '-f, --force', text: 'replace the kernel of that name' },
  },
  examples: [
    [
      'banger kernel import mine --from ./arch/x86/boot/bzImage',
      'a kernel built here, with all it needs built in',
    ],
    ['banger kernel import mine --from ./bzImage --modules ./lib/modules/6.12.9', 'with its modules'],
    ['banger kernel import mine --from ./out --force', 'the next build of it; running VMs keep the old one'],
  ],
  run: async (context, { options, ...input }) => {
    const name = parseStoredName(input.name);
    if (options.from === undefined)
      throw usageError('--from is missing.', 'Write --from PATH: a file or a directory.');
    const files = kernelFiles(options.from, options, context.machine.cwd);
    const params = { kernel: name, ...files, force: options.force === true };
    return {
      view: { kind: 'kernel.made', data: await context.call('kernel.import', params, `Importing ${name}`) },
    };
  },
});
