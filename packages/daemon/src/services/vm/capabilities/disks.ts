import { toBangerError } from '@banger/contract/error';
import { checkSpecLimits } from '../../../domain/limits.ts';
import type { VmRow } from '../../../domain/vm-row.ts';
import type { Disk } from '../../../drivers/disk/driver.ts';
import type { StartContext } from '../start-context.ts';
import type { Capability, RunContext } from './capability.ts';

/** The root disk: copy-on-write over the image, for the user to wreck. */
export const rootDisk = {
  name: 'root-disk',
  make: {
    title: 'Making the root disk',
    run: ({ deps, row, image }, signal) =>
      deps.disks.createRoot({
        path: deps.layout.vm(row.id).rootDisk,
        base: image.rootDisk,
        bytes: row.spec.rootBytes,
        signal,
      }),
  },
  preflight: (context) => ready(context, diskOf(context, 'root'), 'rootBytes'),
  machine: ({ deps, row }) => ({
    disks: [{ serial: 'root', path: deps.layout.vm(row.id).rootDisk, format: 'qcow2' }],
  }),
} as const satisfies Capability;

/** The work disk: an ext4 file system of its own, `/root` in the guest. */
export const workDisk = {
  name: 'work-disk',
  make: {
    title: 'Making the work disk',
    run: ({ deps, row, image }, signal) =>
      deps.disks.createWork({
        path: deps.layout.vm(row.id).workDisk,
        template: image.workTemplate,
        bytes: row.spec.diskBytes,
        signal,
      }),
  },
  preflight: (context) => ready(context, diskOf(context, 'work'), 'diskBytes'),
  machine: ({ deps, row }) => ({
    disks: [{ serial: 'work', path: deps.layout.vm(row.id).workDisk, format: 'raw' }],
  }),
  changesLive: ['diskBytes'],
  apply: async (found, signal) => {
    const context = await withRealSize(found);
    await context.live.vmm.resizeDisk('work', context.row.spec.diskBytes);
    return growFileSystem(context, signal);
  },
} as const satisfies Capability;

function diskOf({ deps, row }: Pick<StartContext, 'deps' | 'row'>, kind: Disk['kind']): Disk {
  return { kind, path: deps.layout.vm(row.id)[`${kind}Disk`] };
}

/** Where the spec says how large a disk is. */
type SizeKey = 'rootBytes' | 'diskBytes';

/**
 * Sees that a disk is whole, and has the size that the row says: a `set` writes that down and leaves the growing to the next start. Its
 * file system follows in the guest, at `configure`.
 */
async function ready({ deps, row, disksAreNew }: StartContext, disk: Disk, key: SizeKey): Promise<void> {
  if (disksAreNew) return;
  if (disk.kind === 'root') await deps.images.checkBase(row.spec.image);
  await deps.disks.check(disk);
  const real = await deps.disks.size(disk);
  if (real < row.spec[key]) await deps.disks.grow(disk, row.spec[key]);
  else takeRealSize(deps, row, key, real);
}

async function withRealSize(context: RunContext): Promise<RunContext> {
  const { deps, row } = context;
  const real = await deps.disks.size(diskOf(context, 'work'));
  return { ...context, row: takeRealSize(deps, row, 'diskBytes', real) };
}

/**
 * A disk does not shrink: one that is larger than its row says, as after an older state was put back, is what the row comes to say. Else
 * every daemon would try in vain, and a `set` to less than it has would be taken. Rejects with `invalid_argument` when no VM may have one
 * of that size: nobody has asked for it.
 */
function takeRealSize(deps: RunContext['deps'], row: VmRow, key: SizeKey, real: number): VmRow {
  if (real <= row.spec[key]) return row;
  checkSpecLimits({ [key]: real });
  deps.log.warn({ vm: row.id, key, row: row.spec[key], real }, 'a disk is larger than its row said');
  // The other disk may have been found larger meanwhile.
  return deps.vms.update(row.id, { spec: { ...deps.vms.get(row.id).spec, [key]: real } });
}

/** The disk has grown already and does not shrink again: a guest that does not follow now does so at its next start. */
async function growFileSystem({ live }: RunContext, signal: AbortSignal): Promise<readonly string[]> {
  const later = (why: string): string[] => [
    `The work disk has grown, its file system grows at the next start: ${why}`,
  ];
  if (live.waitsForRoom) return later('its guest waits for room on the host.');
  if (live.session === undefined) return later('the agent does not answer.');
  try {
    return (await live.session.configure({ grow: true }, { signal })).warnings;
  } catch (thrown) {
    return later(toBangerError(thrown).message);
  }
}
