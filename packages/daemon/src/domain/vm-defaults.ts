import type { VmSpec, VmWish } from '@banger/contract/vm';
import { generateVmName } from './vm-name.ts';

/** What of the host decides defaults. */
export interface HostSize {
  readonly cpus: number;
  readonly memoryMib: number;
}

/** Where a value came from. */
export type Origin = 'flag' | 'config' | 'host' | 'image' | 'default';

/** A wish with every gap filled, and where each value came from. */
export interface ResolvedSpec {
  readonly spec: VmSpec;
  readonly origins: Readonly<Record<keyof VmSpec, Origin>>;
}

const GIB = 1024 ** 3;

/** A quarter of the host's CPUs, at least 1 and at most 4: several VMs and the host itself stay usable. */
export function defaultVcpu(host: HostSize): number {
  return Math.min(4, Math.max(1, Math.floor(host.cpus / 4)));
}

/** An eighth of the host's memory, at least 512 MiB and at most 8 GiB. */
export function defaultMemoryMib(host: HostSize): number {
  return Math.min(8192, Math.max(512, Math.floor(host.memoryMib / 8)));
}

/** Floor for both disks: room for a toolchain and a build; sparse, so that only what is written takes space. */
const DEFAULT_DISK_BYTES = 8 * GIB;

/** The image of a wish that names none. */
export const DEFAULT_IMAGE = 'debian-bookworm';

/** Fills the gaps of a wish: flag, then host, then floor. `imageKernel` is the kernel that the image asks for. */
export function resolveSpec(
  wish: VmWish,
  host: HostSize,
  image: { readonly kernel: string; readonly minRootBytes: number },
  random: (below: number) => number,
): ResolvedSpec {
  const network = wish.network ?? 'user';
  const rootFloor = Math.max(DEFAULT_DISK_BYTES, image.minRootBytes);
  const spec: VmSpec = {
    name: wish.name ?? generateVmName(random),
    image: wish.image ?? DEFAULT_IMAGE,
    kernel: wish.kernel ?? image.kernel,
    vcpu: wish.vcpu ?? defaultVcpu(host),
    memoryMib: wish.memoryMib ?? defaultMemoryMib(host),
    diskBytes: wish.diskBytes ?? DEFAULT_DISK_BYTES,
    rootBytes: wish.rootBytes ?? rootFloor,
    network,
    outbound: network === 'none' ? false : (wish.outbound ?? true),
    env: wish.env ?? [],
  };
  const from = (key: keyof VmSpec, otherwise: Origin): Origin =>
    wish[key] === undefined ? otherwise : 'flag';
  const origins: Record<keyof VmSpec, Origin> = {
    name: from('name', 'default'),
    image: from('image', 'default'),
    kernel: from('kernel', 'image'),
    vcpu: from('vcpu', 'host'),
    memoryMib: from('memoryMib', 'host'),
    diskBytes: from('diskBytes', 'default'),
    rootBytes: from('rootBytes', image.minRootBytes > DEFAULT_DISK_BYTES ? 'image' : 'default'),
    network: from('network', 'default'),
    outbound: from('outbound', 'default'),
    env: from('env', 'default'),
  };
  return { spec, origins };
}

/** The kernel that the check of KVM boots, and that images of the catalog ask for. */
export const DEFAULT_KERNEL = 'debian-cloud';
