import { BangerError } from '@banger/contract/error';
import { quoted } from './usage.ts';

/** A DNS label (RFC 1123, section 2.1) in lower case. */
const VM_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Images and kernels: file names of ours, that no tool takes for an option or a hidden file. */
const STORED_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/;

/** A new VM's name; never rewritten. */
export function parseVmName(name: string): string {
  if (VM_NAME.test(name)) return name;
  throw new BangerError('name_invalid', `${quoted(name)} is not a VM name.`);
}

/** The name of an image or a kernel. */
export function parseStoredName(name: string): string {
  if (STORED_NAME.test(name)) return name;
  throw new BangerError('name_invalid', `${quoted(name)} is not a name for an image or a kernel.`, {
    hint: 'Such a name has letters, digits, ".", "-" and "_", and begins with none of the first two signs.',
  });
}
