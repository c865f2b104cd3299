import { resolve } from 'node:path';
import type { KernelChoice } from '@banger/contract/kernel';
import type { OptionRows, OptionValues } from '../command.ts';
import { parseText } from './choice.ts';
import { parseStoredName } from './names.ts';
import { usageError } from './usage.ts';

/** What can come with a kernel that is imported from a file. */
export const kernelFileOptions = {
  initrd: {
    flags: '--initrd <path>',
    text: 'initramfs whose files are to be there besides those of banger',
    parse: parseText,
  },
  modules: {
    flags: '--modules <path>',
    text: 'lib/modules/RELEASE of the kernel (default: found beside it)',
    parse: parseText,
  },
} as const satisfies OptionRows;

/** Which kernel an image is to boot: one by its name, or one from files. */
export const kernelChoiceOptions = {
  kernelRef: {
    flags: '--kernel-ref <kernel>',
    text: "kernel that it boots (default: the catalog's, else banger's)",
    parse: parseStoredName,
  },
  kernel: {
    flags: '--kernel <path>',
    text: 'the same from a file or directory, imported under the name of the image',
    parse: parseText,
  },
  ...kernelFileOptions,
} as const satisfies OptionRows;

/** The files of a kernel, by absolute path. */
export function kernelFiles(
  from: string,
  { initrd, modules }: OptionValues<typeof kernelFileOptions>,
  cwd: string,
): Extract<KernelChoice, { readonly from: string }> {
  return {
    from: resolve(cwd, from),
    ...(initrd === undefined ? {} : { initrd: resolve(cwd, initrd) }),
    ...(modules === undefined ? {} : { modules: resolve(cwd, modules) }),
  };
}

/** The kernel that the options choose; undefined when they leave it open. Throws `usage` when they say two things. */
export function kernelChoice(
  options: OptionValues<typeof kernelChoiceOptions>,
  cwd: string,
): KernelChoice | undefined {
  const { kernelRef, kernel } = options;
  const file = (['kernel', 'initrd', 'modules'] as const).find((name) => options[name] !== undefined);
  if (kernelRef !== undefined && file !== undefined)
    throw usageError(
      `--kernel-ref and --${file} cannot go together.`,
      'Name a kernel, or give the files of one.',
    );
  if (kernelRef !== undefined) return { ref: kernelRef };
  if (kernel !== undefined) return kernelFiles(kernel, options, cwd);
  if (file !== undefined)
    throw usageError(`--${file} needs --kernel.`, 'Give the kernel that it belongs to.');
  return undefined;
}
