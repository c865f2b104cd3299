import type { Capability } from './capability.ts';

/** Serial of the disk with the modules of the kernel, by which the agent finds it. */
const SERIAL = 'modules';

/** What the kernel can load, at its place below /lib/modules in any image, for containers and tunnels: read-only, and shared by all VMs. */
export const kernelModules = {
  name: 'modules',
  machine: ({ kernel }) =>
    kernel?.modulesDisk === undefined
      ? {}
      : {
          disks: [{ serial: SERIAL, path: kernel.modulesDisk, format: 'raw', readOnly: true }],
          cmdline: [`banger.modules=${SERIAL}`],
        },
} as const satisfies Capability;
