/** A root disk to make: what a VM writes goes to `path`, what it did not write is read from `base`. */
export interface RootDiskPlan {
  /** Absolute path of the new disk; one that is there is replaced when the new one is complete. */
  readonly path: string;
  /** Absolute path of a raw ext4 image of our making, which is never written and must stay as long as the disk. */
  readonly base: string;
  /** Size that the guest sees, in bytes. Less than the base has costs a copy of all its content. */
  readonly bytes: number;
  readonly signal?: AbortSignal;
}

/** A work disk to make: an ext4 file system of its own. */
export interface WorkDiskPlan {
  /** Absolute path of the new disk; one that is there is replaced when the new one is complete. */
  readonly path: string;
  /** Absolute path of a raw ext4 image of our making to begin with; an empty file system, owned by root, when absent. */
  readonly template?: string;
  /** Size of the disk and its file system in bytes; at least the template's. */
  readonly bytes: number;
  readonly signal?: AbortSignal;
}

/**
 * A disk that was made, and as what. What is in a file never says so: the guest wrote all of its work disk, and every program of the host
 * that believes what stands there opens whatever file the guest names.
 */
export interface Disk {
  readonly kind: 'root' | 'work';
  /** Absolute. */
  readonly path: string;
}

/**
 * The disks of VMs as files, 0600, which are there complete or not at all. Every method that writes may reject with
 * `disk_full`, `missing_tool`, `command_failed`, and `cancelled` when it has a signal; then nothing is left of it.
 */
export interface DiskDriver {
  readonly kind: 'qcow2' | 'dm-snapshot' | 'reflink' | 'copy';
  /** Rejects with `invalid_argument` when the base's content does not fit, `image_invalid` when the base is missing. */
  createRoot(plan: RootDiskPlan): Promise<void>;
  /** Rejects with `invalid_argument` when `bytes` is less than the template has, `image_invalid` when that is missing. */
  createWork(plan: WorkDiskPlan): Promise<void>;
  /** A disk with the same content, sharing blocks with the first one where the file system can. Nothing may run on it. */
  clone(from: Disk, to: string, signal?: AbortSignal): Promise<void>;
  /** Bytes that a guest sees of a disk. Rejects with `file_damaged` when it is missing. */
  size(disk: Disk): Promise<number>;
  /** Enlarges a disk that no VM runs on. Rejects with `invalid_argument` when it is larger than `bytes` already. */
  grow(disk: Disk, bytes: number): Promise<void>;
  /**
   * Refuses what no VM should be started on: `file_damaged` for a disk that is missing, cut short or inconsistent,
   * `image_invalid` when the base of a root disk is missing. Nothing may run on it, and nothing is changed.
   */
  check(disk: Disk): Promise<void>;
  /** Removes a disk; one that is not there is no error. */
  remove(path: string): Promise<void>;
  /** Bytes of the host that a disk takes, holes left out and the base not counted; 0 when it is not there. */
  usedBytes(path: string): Promise<number>;
}
