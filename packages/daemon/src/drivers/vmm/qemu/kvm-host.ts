import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';

/** Why KVM cannot even be tried, and what would mend it. */
export interface KvmObstacle {
  readonly reason: string;
  readonly fix: string;
}

/** Where the host tells of its CPUs and of KVM; other files in tests. */
export interface KvmHostFiles {
  readonly device: string;
  readonly cpuinfo: string;
}

const kvmHostFiles: KvmHostFiles = { device: '/dev/kvm', cpuinfo: '/proc/cpuinfo' };

/**
 * What can be said without starting anything: undefined when /dev/kvm opens, which does not prove that it works. A CPU
 * without the flags `vmx` and `svm` is no obstacle of its own, because a paravirtual KVM needs neither.
 */
export async function kvmObstacle(files: KvmHostFiles = kvmHostFiles): Promise<KvmObstacle | undefined> {
  try {
    await (await open(files.device, constants.O_RDWR)).close();
    return undefined;
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      return {
        reason: `${files.device} may not be opened by this user.`,
        fix: 'Add yourself to its group with `sudo usermod -aG kvm "$USER"`, then log in again.',
      };
    if (code !== 'ENOENT') return { reason: `${files.device} cannot be opened (${code}).`, fix: '' };
    const extension = await cpuExtension(files.cpuinfo);
    return extension === undefined
      ? {
          reason: `There is no ${files.device}: the CPU shows no virtualization (neither vmx nor svm).`,
          fix: 'Switch virtualization on in the firmware, or nested virtualization for this machine when it is a VM.',
        }
      : {
          reason: `There is no ${files.device}, though the CPU has ${extension}.`,
          fix: `Load the module with \`sudo modprobe ${extension === 'svm' ? 'kvm_amd' : 'kvm_intel'}\`.`,
        };
  }
}

/** The virtualization extension among the CPU's flags: proc_cpuinfo(5). */
async function cpuExtension(cpuinfo: string): Promise<'vmx' | 'svm' | undefined> {
  const flags = /^flags\s*:(.*)$/m.exec(await readFile(cpuinfo, 'utf8'))?.[1]?.split(' ') ?? [];
  return flags.includes('svm') ? 'svm' : flags.includes('vmx') ? 'vmx' : undefined;
}
