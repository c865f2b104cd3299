/** A module that banger wants in the initramfs. */
export interface WantedModule {
  readonly name: string;
  /** Without it a VM cannot boot or be reached, so a kernel that lacks it is refused. */
  readonly required: boolean;
  readonly why: string;
}

/**
 * What a guest needs before its root file system is there, or before it can load modules itself, in the order in which it
 * helps to have it. Dependencies are not listed: the modules tell them.
 */
export const wantedModules: readonly WantedModule[] = [
  { name: 'virtio_pci', required: true, why: 'the bus that all devices are on' },
  { name: 'virtio_console', required: true, why: 'the channel between agent and host under QEMU' },
  { name: 'virtio_blk', required: true, why: 'root and work disk' },
  {
    name: 'crc32c_intel',
    required: false,
    why: 'ext4 checksums by machine instruction; the generic code is slower',
  },
  { name: 'ext4', required: true, why: 'file system of root and work disk' },
  { name: 'virtio_rng', required: false, why: 'entropy from the host; the agent also gets a seed' },
  { name: 'virtio_net', required: true, why: 'the network' },
  { name: 'pvpanic_pci', required: false, why: 'tells the VMM of a panic at once' },
  { name: 'vmw_vsock_virtio_transport', required: false, why: 'the channel under Firecracker' },
  { name: 'autofs4', required: false, why: 'systemd looks for it and says so when it is missing' },
  { name: 'overlay', required: false, why: 'containers in an image that cannot load modules' },
];
