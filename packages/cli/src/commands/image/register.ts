import { resolve } from 'node:path';
import { defineCommand } from '../../command.ts';
import { parseText } from '../../options/choice.ts';
import { kernelChoice, kernelChoiceOptions } from '../../options/kernel-files.ts';
import { parseStoredName } from '../../options/names.ts';
import { usageError } from '../../options/usage.ts';

export const command = defineCommand({
  details:
    'The file is an ext4 file system, as mkfs.ext4 makes it, unmounted. It stays where it is, and is the base of the disks of VMs: it must not change any more. image promote takes a copy; image delete takes away what banger knows of it, and never the file. Prints the name of the image.',
  args: '<new-name>',
  options: {
    rootfs: { flags: '--rootfs <path>', text: 'a file of this machine', parse: parseText },
    ...kernelChoiceOptions,
  },
  examples: [
    ['banger image register mine --rootfs ./rootfs.ext4', "with banger's kernel"],
    ['banger image register mine --rootfs rootfs.ext4 --kernel-ref team-6.12', 'with one that is here'],
    [
      'banger image register mine --rootfs rootfs.ext4 --kernel vmlinux --modules lib/modules/6.12.9',
      'with one of your own, imported with it',
    ],
  ],
  run: async (context, { options, ...input }) => {
    const name = parseStoredName(input.name);
    const { cwd } = context.machine;
    if (options.rootfs === undefined)
      throw usageError('--rootfs is missing.', 'Write --rootfs FILE: an ext4 file system.');
    const kernel = kernelChoice(options, cwd);
    const params = {
      image: name,
      rootfs: resolve(cwd, options.rootfs),
      ...(kernel === undefined ? {} : { kernel }),
    };
    const data = await context.call('image.register', params, `Registering image ${name}`);
    return { view: { kind: 'image.made', data } };
  },
});
