import type { BangerPaths } from '@banger/contract/paths';

/** Where the daemon keeps what; `docs/internals.md` lists every file. */
export interface Layout {
  readonly paths: BangerPaths;
  readonly images: string;
  readonly kernels: string;
  /** What the KVM check found, kept over daemons. */
  readonly kvmVerdict: string;
  /** A VM's disks and console log. */
  vm(id: string): VmFiles;
}

/** The files of one VM. */
export interface VmFiles {
  readonly directory: string;
  readonly rootDisk: string;
  readonly workDisk: string;
  readonly console: string;
  readonly vmmLog: string;
  readonly networkLog: string;
  /** Its sockets; emptied by a reboot of the host. */
  readonly runtime: string;
}

/** The layout below the given roots. */
export function layoutOf(paths: BangerPaths): Layout {
  return {
    paths,
    images: `${paths.state}/images`,
    kernels: `${paths.state}/kernels`,
    kvmVerdict: `${paths.cache}/kvm-verdict.json`,
    vm: (id) => {
      const directory = `${paths.state}/vms/${id}`;
      return {
        directory,
        rootDisk: `${directory}/root.qcow2`,
        workDisk: `${directory}/work.ext4`,
        console: `${directory}/console.log`,
        vmmLog: `${directory}/vmm.log`,
        networkLog: `${directory}/network.log`,
        runtime: `${paths.run}/vm/${id}`,
      };
    },
  };
}
