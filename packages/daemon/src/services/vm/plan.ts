import type { VmPlan, VmWish } from '@banger/contract/vm';
import { resolveSpec } from '../../domain/vm-defaults.ts';
import { checkSpec } from './create.ts';
import type { VmDeps } from './deps.ts';

/** Resolves a wish: every value with its origin, what would be fetched, what would be written. Makes nothing. */
export async function planVm(deps: VmDeps, wish: VmWish): Promise<VmPlan> {
  const image = await deps.images.look(wish.image ?? deps.defaults.image.value);
  const { spec, origins } = resolveSpec(
    wish.image === undefined ? wish : { ...wish, image: image.name },
    deps.defaults,
    { kernel: image.kernel, minRootBytes: image.leastRootBytes },
    (below) => randomBelow(deps, below),
  );
  checkSpec(spec);
  const kernel = await deps.kernels.look(spec.kernel);
  const files = deps.layout.vm('<id>');
  return {
    spec,
    origins: { ...origins },
    fetches: [
      ...(image.present ? [] : [{ action: 'image.pull' as const, name: spec.image, source: image.source }]),
      ...(kernel.present
        ? []
        : [{ action: 'kernel.pull' as const, name: spec.kernel, source: kernel.source }]),
    ],
    writes: [
      ...(image.present ? [] : [`${deps.layout.images}/${image.storedAs}/`]),
      ...(kernel.present ? [] : [`${deps.layout.kernels}/${spec.kernel}/`]),
      files.rootDisk,
      files.workDisk,
      files.console,
      files.vmmLog,
      ...(spec.network === 'none' ? [] : [files.networkLog]),
      `${files.runtime}/`,
    ],
    vmm: await describeVmm(deps),
  };
}

/** As `qemu (tcg)`; before the first start nobody knows yet whether KVM works. */
async function describeVmm({ vmm }: Pick<VmDeps, 'vmm'>): Promise<string> {
  const { accel } = await vmm.look();
  return `${vmm.kind} (${accel?.accel ?? 'KVM to be tried'})`;
}

function randomBelow(deps: Pick<VmDeps, 'randomBytes'>, below: number): number {
  return Buffer.from(deps.randomBytes(4)).readUInt32BE() % below;
}
