import type { Leftover } from '../../domain/leftover.ts';
import type { ProcessIdentity, ProcessUsage } from '../../host/process-identity.ts';

/** How guest instructions are run: by the CPU itself, or translated by the VMM. */
export type Accel = 'kvm' | 'tcg';

/** What a driver can do; a method whose feature is false rejects with `not_supported`. */
export interface VmmFeatures {
  /** The guest can be stopped between two instructions and go on. */
  readonly pause: boolean;
  /** Memory and devices can be written to a directory and a VM started from it. */
  readonly snapshot: boolean;
  /** A disk can grow while the guest runs. */
  readonly resizeDisk: boolean;
  /** A reboot in the guest keeps the VMM process. */
  readonly reboot: boolean;
}

/** Whether the host's KVM truly boots a guest, and how that is known. */
export interface AccelVerdict {
  readonly accel: Accel;
  /** A sentence for a person, whichever way it went. */
  readonly reason: string;
  /** What would make KVM usable; empty when it is, or when nothing is known. */
  readonly fix: string;
  /** Milliseconds since 1970 when it was found out. */
  readonly checkedAt: number;
  /** True when it was read from the cache rather than tried now. */
  readonly cached: boolean;
}

/** What is there to run VMs with. */
export interface VmmProbe {
  /** Absolute path of the VMM. */
  readonly binary: string;
  /** As the VMM says it, `7.2.22`. */
  readonly version: string;
  readonly accel: AccelVerdict;
}

/** A disk of a VM. */
export interface VmmDisk {
  /** Unique in the VM; the guest finds the disk by it (virtio serial, at most 20 bytes of a-z, 0-9 and -). */
  readonly serial: string;
  /** Absolute path of the file. */
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  readonly readOnly?: boolean;
}

/** The guest's network interface. `stream`: Ethernet frames over a unix socket on which the VMM listens for whoever carries them. */
export type VmmNetwork =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'stream';
      readonly socket: string;
      /** Six pairs of lower-case hexadecimal digits with colons. */
      readonly mac: string;
    };

/** Everything a VMM must know to boot a guest. Paths are absolute. */
export interface VmSpec {
  /** The VM's id: a-z, 0-9 and -. */
  readonly id: string;
  /** Unguessable, a-z and 0-9: stands in the VMM's argv, so that its process is found by looking. Not a secret. */
  readonly token: string;
  /** Directory of the sockets: private, there already, its path short (a socket's path has at most 107 bytes). */
  readonly dir: string;
  readonly accel: Accel;
  readonly vcpu: number;
  readonly memoryMib: number;
  /** Uncompressed ELF with the PVH entry. */
  readonly kernel: string;
  readonly initrd: string;
  /** The kernel's command line. */
  readonly cmdline: string;
  readonly disks: readonly VmmDisk[];
  readonly network: VmmNetwork;
  /** Gets what the guest writes on its serial console, appended. */
  readonly consoleLog: string;
  /** Gets what the VMM itself says, appended. */
  readonly vmmLog: string;
}

/** What finds a running VMM again, also for another daemon; JSON values only, stored. */
export interface VmmHandle {
  /** Name of the driver that made it. */
  readonly driver: string;
  readonly id: string;
  readonly token: string;
  readonly process: ProcessIdentity;
  /** Unix socket that controls the VMM. */
  readonly controlSocket: string;
  /** Unix socket whose other end is the agent's channel in the guest. */
  readonly agentSocket: string;
  /** Version of the VMM it runs under. */
  readonly version: string;
  readonly accel: Accel;
  readonly vmmLog: string;
}

/**
 * What a VMM says of its guest now. `disk-full`: the VMM stopped the guest because the host has no room for its writes;
 * `resume` goes on once there is. `powered-off` and `panicked` lead to the end of the VMM, `failed` too.
 */
export type VmmStatus = 'running' | 'paused' | 'disk-full' | 'powered-off' | 'panicked' | 'failed';

/** What happened in a VM that goes on. */
export type VmmEvent =
  | { readonly kind: 'guest-reboot' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
  /** Nobody in the guest has the agent's end of the channel open any more, though the byte stream to it stays. */
  | { readonly kind: 'agent-gone' }
  /** Whoever was connected to the network's socket is gone: the guest's interface is dead. */
  | { readonly kind: 'network-lost' }
  | {
      readonly kind: 'disk-error';
      readonly serial: string;
      readonly operation: 'read' | 'write';
      /** The host's disk is full; the guest was stopped. */
      readonly full: boolean;
      readonly reason: string;
    };

/** How a VMM ended. */
export interface VmmEnd {
  /** `killed`: by a call of ours. `vmm-died`: by itself or by somebody else. */
  readonly kind: 'guest-poweroff' | 'guest-panic' | 'vmm-died' | 'killed';
  /** What is known beyond the kind, its last words for instance; may be empty. */
  readonly detail: string;
}

/** Stop and go on. */
export interface Pausable {
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** Write the state of a paused guest into a new directory that `Launcher.restore` takes. */
export interface Snapshottable {
  snapshot(dir: string): Promise<void>;
}

/** A VMM that runs. Every method rejects with `vmm_gone` once its process has ended. */
export interface RunningVmm extends Pausable, Snapshottable {
  readonly handle: VmmHandle;
  status(): Promise<VmmStatus>;
  /** What its process takes of the host. */
  usage(): Promise<ProcessUsage>;
  /** Tells the guest that a disk has grown, after growing its file to `bytes`; never shrinks it. */
  resizeDisk(serial: string, bytes: number): Promise<void>;
  /** Calls `listener` with what happens from now on; the result ends that. */
  onEvent(listener: (event: VmmEvent) => void): () => void;
  /**
   * Sends the signal and resolves when the process is gone, at once when it is gone already. Rejects with
   * `vmm_failed` when it lives on, which no guest outlives with SIGKILL.
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Settles when the process is gone; never rejects. A guest that powered off or panicked takes its VMM with it. */
  readonly ended: Promise<VmmEnd>;
  /** Lets go of the VM, which runs on: closes connections and stops watching. `ended` stays pending. */
  release(): void;
}

/** A VMM that was found by looking at the host's processes. */
export interface FoundVmm {
  readonly id: string;
  readonly token: string;
  readonly process: ProcessIdentity;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** Start a VM, from cold or from a snapshot, and find a running one. */
export interface Launcher {
  /**
   * Resolves when the VMM runs and answers; the guest is then booting. Rejects with `vmm_failed` and the VMM's last words
   * when it does not, `cancelled` by the signal, `path_unsafe` when a socket's path is too long, others could open it, or we may not open a file;
   * in each case no process is left.
   */
  launch(spec: VmSpec, signal?: AbortSignal): Promise<RunningVmm>;
  /** As `launch`, but the guest wakes as it was when `snapshot(dir)` was called. */
  restore(dir: string, spec: VmSpec, signal?: AbortSignal): Promise<RunningVmm>;
  /**
   * Takes over a running VMM. Rejects with `vmm_gone` when its process has ended, whoever has its pid now, and with
   * `vmm_failed` when it lives but does not answer.
   */
  attach(handle: VmmHandle): Promise<RunningVmm>;
  /**
   * Ends whatever process carries this token, be it the handle's or one that was never recorded, and resolves when it is
   * gone. No process is no error.
   */
  remove(token: string, handle?: VmmHandle): Promise<void>;
  /**
   * All VMMs of this user whose `VmSpec.consoleLog` lies below that directory, whichever daemon started them: VMs keep their
   * logs in the state of the daemon that made them, so that those of another one are never among them.
   */
  find(directory: string): Promise<readonly FoundVmm[]>;
}

/** A kind of virtual machine monitor. */
export interface VmmDriver extends Launcher {
  readonly kind: 'qemu' | 'firecracker' | 'fake';
  readonly features: VmmFeatures;
  /**
   * Finds the VMM and whether KVM works with it, from the cache where that is known. Rejects with `missing_tool` when
   * it is not installed, `vmm_failed` when it cannot be used, `cancelled` by the signal. `onTrial` is called when it is not known, and has to
   * be tried.
   */
  probe(signal?: AbortSignal, onTrial?: () => void): Promise<VmmProbe>;
  /**
   * As `probe`, but tries nothing: without `accel` when it is not known yet. Rejects as `probe` does.
   */
  look(): Promise<Omit<VmmProbe, 'accel'> & Partial<Pick<VmmProbe, 'accel'>>>;
  /** What a `probe` left that was cut off with its daemon; nothing while one is at work. */
  leftovers(): Promise<readonly Leftover[]>;
}
