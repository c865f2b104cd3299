import type { Origin } from '@banger/contract/origin';
import type { VmSpec, VmWish } from '@banger/contract/vm';
import { generateVmName } from './vm-name.ts';

/** What of the host decides defaults. */
export interface HostSize {
  readonly cpus: number;
  readonly memoryMib: number;
}

/** What fills a gap of a wish, and where it came from. */
interface Default<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** What fills the gaps of a wish: the configuration, or what is computed from the host, or a floor. */
export interface VmDefaults {
  readonly image: Default<string>;
  readonly vcpu: Default<number>;
  readonly memoryMib: Default<number>;
  readonly diskBytes: Default<number>;
  /** Gives way to what the image needs. */
  readonly rootBytes: Default<number>;
}

/** A wish with every gap filled, and where each value came from. */
export interface ResolvedSpec {
  readonly spec: VmSpec;
  readonly origins: Readonly<Record<keyof VmSpec, Origin>>;
}

/** A quarter of the host's CPUs, at least 1 and at most 4: several VMs and the host itself stay usable. */
export function defaultVcpu(host: HostSize): number {
  return Math.min(4, Math.max(1, Math.floor(host.cpus / 4)));
}

/** An eighth of the host's memory, at least 512 MiB and at most 8 GiB. */
export function defaultMemoryMib(host: HostSize): number {
  return Math.min(8192, Math.max(512, Math.floor(host.memoryMib / 8)));
}

/** Fills the gaps of a wish: flag, then default. `image.kernel` is the kernel that the image asks for. */
export function resolveSpec(
  wish: VmWish,
  defaults: VmDefaults,
  image: { readonly kernel: string; readonly minRootBytes: number },
  random: (below: number) => number,
): ResolvedSpec {
  const network = wish.network ?? 'user';
  const root = defaults.rootBytes.value >= image.minRootBytes ? defaults.rootBytes : undefined;
  const spec: VmSpec = {
    name: wish.name ?? generateVmName(random),
    image: wish.image ?? defaults.image.value,
    kernel: wish.kernel ?? image.kernel,
    vcpu: wish.vcpu ?? defaults.vcpu.value,
    memoryMib: wish.memoryMib ?? defaults.memoryMib.value,
    diskBytes: wish.diskBytes ?? defaults.diskBytes.value,
    rootBytes: wish.rootBytes ?? root?.value ?? image.minRootBytes,
    network,
    outbound: network === 'none' ? false : (wish.outbound ?? true),
    env: wish.env ?? [],
  };
  const from = (key: keyof VmSpec, otherwise: Origin): Origin =>
    wish[key] === undefined ? otherwise : 'flag';
  const origins: Record<keyof VmSpec, Origin> = {
    name: from('name', 'default'),
    image: from('image', defaults.image.origin),
    kernel: from('kernel', 'image'),
    vcpu: from('vcpu', defaults.vcpu.origin),
    memoryMib: from('memoryMib', defaults.memoryMib.origin),
    diskBytes: from('diskBytes', defaults.diskBytes.origin),
    rootBytes: from('rootBytes', root?.origin ?? 'image'),
    network: from('network', 'default'),
    outbound: from('outbound', 'default'),
    env: from('env', 'default'),
  };
  return { spec, origins };
}

/** The kernel that the check of KVM boots, and that images of the catalog ask for. */
export const DEFAULT_KERNEL = 'debian-cloud';
