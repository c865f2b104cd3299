import { toBangerError } from '@banger/contract/error';
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
  preflight: (context) =>
    ready(context, context.deps.layout.vm(context.row.id).rootDisk, context.row.spec.rootBytes),
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
  preflight: (context) =>
    ready(context, context.deps.layout.vm(context.row.id).workDisk, context.row.spec.diskBytes),
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

/**
 * Sees that a disk is whole, and has the size that the row says: a `set` writes that down and leaves the growing to the next start. Its
 * file system follows in the guest, at `configure`.
 */
async function ready(
  { deps: { disks }, disksAreNew }: StartContext,
  path: string,
  bytes: number,
): Promise<void> {
  if (disksAreNew) return;
  await disks.check(path);
  if ((await disks.size(path)) < bytes) await disks.grow(path, bytes);
}

/**
 * A disk does not shrink: one that is larger than its row says, as after an older state was put back, is what the row comes to say. Else
 * every daemon would try in vain.
 */
async function withRealSize(context: RunContext): Promise<RunContext> {
  const { deps, row } = context;
  const real = await deps.disks.size(deps.layout.vm(row.id).workDisk);
  if (real <= row.spec.diskBytes) return context;
  deps.log.warn({ vm: row.id, row: row.spec.diskBytes, real }, 'work disk is larger than its row said');
  return { ...context, row: deps.vms.update(row.id, { spec: { ...row.spec, diskBytes: real } }) };
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
