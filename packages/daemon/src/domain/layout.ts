import type { BangerPaths } from '@banger/contract/paths';

/** Where the daemon keeps what; `docs/internals.md` lists every file. */
export interface Layout {
  readonly paths: BangerPaths;
  readonly images: string;
  readonly kernels: string;
  /** Layers that were fetched, by digest. */
  readonly blobs: string;
  /** What the KVM check found, kept over daemons. */
  readonly kvmVerdict: string;
  /** The state's database. */
  readonly database: string;
  /** The directories of VMs, one each, by id. */
  readonly vms: string;
  /** Those of their sockets. */
  readonly runtimes: string;
  /** That of the sockets of a check of KVM. */
  readonly kvmCheck: string;
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
  /** In there: a symbolic link to `database`. Several states may share a directory for sockets; this tells whose one is. */
  readonly runtimeOwner: string;
}

/** The layout below the given roots. `sockets` is `paths.run` by a path that leaves room for the names of sockets. */
export function layoutOf(paths: BangerPaths, sockets: string): Layout {
  const vms = `${paths.state}/vms`;
  const runtimes = `${sockets}/vm`;
  return {
    paths,
    images: `${paths.state}/images`,
    kernels: `${paths.state}/kernels`,
    blobs: `${paths.cache}/blobs`,
    kvmVerdict: `${paths.cache}/kvm-verdict.json`,
    database: `${paths.state}/banger.db`,
    vms,
    runtimes,
    kvmCheck: `${sockets}/kvm-check`,
    vm: (id) => {
      const directory = `${vms}/${id}`;
      const runtime = `${runtimes}/${id}`;
      return {
        directory,
        rootDisk: `${directory}/root.qcow2`,
        workDisk: `${directory}/work.ext4`,
        console: `${directory}/console.log`,
        vmmLog: `${directory}/vmm.log`,
        networkLog: `${directory}/network.log`,
        runtime,
        runtimeOwner: `${runtime}/owner`,
      };
    },
  };
}
