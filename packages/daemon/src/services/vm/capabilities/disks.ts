import type { Capability } from './capability.ts';

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
  preflight: async ({ deps, row, disksAreNew }) => {
    if (!disksAreNew) await deps.disks.check(deps.layout.vm(row.id).rootDisk);
  },
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
  preflight: async ({ deps, row, disksAreNew }) => {
    if (!disksAreNew) await deps.disks.check(deps.layout.vm(row.id).workDisk);
  },
  machine: ({ deps, row }) => ({
    disks: [{ serial: 'work', path: deps.layout.vm(row.id).workDisk, format: 'raw' }],
  }),
} as const satisfies Capability;
