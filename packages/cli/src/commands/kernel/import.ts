import { resolve } from 'node:path';
import { defineCommand } from '../../command.ts';
import { parseText } from '../../options/choice.ts';
import { parseStoredName } from '../../options/names.ts';
import { usageError } from '../../options/usage.ts';

export const command = defineCommand({
  details:
    'Takes a bzImage, a vmlinux, or a directory with one of them and its modules. Prints the name of the kernel.',
  args: '<new-name>',
  options: {
    from: { flags: '--from <path>', text: 'file or directory of this machine', parse: parseText },
    force: { flags: '-f, --force', text: 'replace the kernel of that name' },
  },
  examples: [
    ['banger kernel import mine --from ./arch/x86/boot/bzImage', 'a kernel built here'],
    ['banger kernel import mine --from ./out --force', 'the next build of it, with modules'],
  ],
  run: async (context, { options, ...input }) => {
    const name = parseStoredName(input.name);
    if (options.from === undefined)
      throw usageError('--from is missing.', 'Write --from PATH: a file or a directory.');
    const from = resolve(context.machine.cwd, options.from);
    const params = { kernel: name, from, force: options.force === true };
    return {
      view: { kind: 'kernel.made', data: await context.call('kernel.import', params, `Importing ${name}`) },
    };
  },
});
