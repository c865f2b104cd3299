import type { VmStats } from '@banger/contract/guest';

/** A disk of a VM with what it takes and what it may take. */
export type DiskUse = VmStats['host']['disks'][number];

/** From here on a disk is called nearly full: at a tenth left there is still room to do something about it. */
const NEARLY_FULL = 0.9;

/** Where the guest mounts each disk. */
const MOUNT_POINTS = { root: '/', work: '/root' } as const;

/** How full a disk is, by what it takes on the host, or by what the guest says of its file system, whichever is more. */
export function diskUse(
  { disk, usedBytes, sizeBytes }: Pick<DiskUse, 'disk' | 'usedBytes' | 'sizeBytes'>,
  guest: VmStats['guest'],
): DiskUse {
  const shares = (guest?.fileSystems ?? [])
    .filter(({ mountPoint }) => mountPoint === MOUNT_POINTS[disk])
    .map((fileSystem) => share(fileSystem.sizeBytes - fileSystem.freeBytes, fileSystem.sizeBytes));
  const full = Math.max(share(usedBytes, sizeBytes), ...shares);
  return { disk, usedBytes, sizeBytes, full, nearlyFull: full >= NEARLY_FULL };
}

/** At most 1, though a disk may take a little more of the host than it has room, for tables of its own. */
function share(used: number, size: number): number {
  return size <= 0 ? 0 : Math.min(1, used / size);
}
