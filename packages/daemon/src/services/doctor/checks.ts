import type { ImageStore } from '../../drivers/image/driver.ts';
import type { KernelStore } from '../../drivers/kernel/driver.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import type { Layout } from '../../domain/layout.ts';
import { familyOf, installHint, tools } from '../../domain/tools.ts';
import type { Distribution } from '../../host/distribution.ts';
import type { Runner } from '../../host/runner.ts';
import type { ConfigService } from '../config.ts';
import type { StateLook } from '../../store/look-at-state.ts';
import { capabilities } from '../vm/capabilities/list.ts';
import { fail, pass, warn, type Check } from './check.ts';
import { directoriesCheck, type LookAtDirectory } from './directories-check.ts';
import { roomCheck } from './room-check.ts';
import { stateCheck } from './state-check.ts';
import { unitCheck, type UnitLook } from './unit-check.ts';
import { userCheck } from './user-check.ts';

/** What the checks look at, all of it with nothing made or changed. */
export interface DoctorDeps {
  readonly runner: Pick<Runner, 'which'>;
  readonly vmm: Pick<VmmDriver, 'kind' | 'look'>;
  readonly network: NetworkDriver;
  readonly images: Pick<ImageStore, 'list'>;
  readonly kernels: Pick<KernelStore, 'list'>;
  /** Absolute paths of what a build of banger brings: the agent and the network guard. */
  readonly assets: { readonly agent: string; readonly netguard: string };
  readonly isExecutable: (path: string) => Promise<boolean>;
  /** Those that a daemon makes private. */
  readonly directories: readonly string[];
  readonly lookAtDirectory: LookAtDirectory;
  readonly lookAtState: () => StateLook;
  readonly unit: UnitLook;
  readonly layout: Layout;
  readonly config: ConfigService;
  readonly defaultImage: string;
  readonly arch: string;
  readonly uid: number;
  readonly distribution: () => Promise<Distribution>;
}

/** Every check, in the order in which they are shown. */
export function doctorChecks(deps: DoctorDeps): Check[] {
  let looked: ReturnType<VmmDriver['look']> | undefined;
  // Two checks, one look: it starts QEMU, which takes most of the doctor's time.
  const lookAtVmm = (): ReturnType<VmmDriver['look']> => (looked ??= deps.vmm.look());
  return [
    {
      id: 'host.arch',
      title: 'Architecture',
      run: async () =>
        deps.arch === 'x64'
          ? pass('x86-64')
          : fail(`${deps.arch} is not supported.`, 'Use a machine with an x86-64 processor.'),
    },
    userCheck(deps.uid),
    unitCheck(deps.unit, deps.uid),
    ...tools.map((tool): Check => ({
      id: `tool.${tool.program}`,
      title: tool.program,
      run: async () => {
        const path = await deps.runner.which(tool.program);
        if (path !== undefined) return pass(path);
        const family = familyOf((await deps.distribution()).ids);
        return fail(`${tool.program} is not installed; it ${tool.purpose}.`, installHint(tool, family));
      },
    })),
    assetCheck(deps, 'agent', 'Guest agent', deps.assets.agent),
    assetCheck(deps, 'netguard', 'Network guard', deps.assets.netguard),
    {
      id: 'vmm.version',
      title: 'Virtual machine monitor',
      run: async () => {
        const { binary, version } = await lookAtVmm();
        return pass(`${deps.vmm.kind} ${version} (${binary})`);
      },
    },
    {
      id: 'vmm.accel',
      title: 'Acceleration',
      run: async () => {
        const { accel } = await lookAtVmm();
        if (accel === undefined) {
          return warn(
            'KVM has not been tried yet: the first start of a VM does, by booting one.',
            'Run `banger vm run --rm -- true`.',
          );
        }
        const when = `found out ${new Date(accel.checkedAt).toISOString()}`;
        if (accel.accel === 'kvm') return pass(`KVM: ${accel.reason} (${when})`);
        const fix =
          accel.fix === ''
            ? 'VMs run all the same, but slower: see docs/internals.md, the KVM check.'
            : accel.fix;
        return warn(`VMs are emulated: ${accel.reason} (${when})`, fix);
      },
    },
    ...capabilities.flatMap(({ doctor }) => doctor?.(deps) ?? []),
    directoriesCheck(deps.directories, deps.lookAtDirectory),
    stateCheck(deps.lookAtState),
    {
      id: 'store.images',
      title: 'Images',
      run: async () => {
        const { images, damaged } = await deps.images.list();
        if (damaged.length > 0) {
          const names = damaged.map(({ name, reason }) => `${name} (${reason})`);
          return fail(
            `Damaged: ${names.join(', ')}`,
            'Delete them with `banger image delete NAME` and pull them again.',
          );
        }
        const here = images.some((image) => image.manifest.name === deps.defaultImage);
        return pass(
          `${images.length} here; the default, ${deps.defaultImage}, ${here ? 'is one of them' : 'is built when it is first needed'}`,
        );
      },
    },
    {
      id: 'store.kernels',
      title: 'Kernels',
      run: async () => {
        const { kernels, damaged } = await deps.kernels.list();
        if (damaged.length === 0) return pass(`${kernels.length} here`);
        const names = damaged.map(({ name, reason }) => `${name} (${reason})`);
        return fail(
          `Damaged: ${names.join(', ')}`,
          'Delete them with `banger kernel delete NAME` and pull them again.',
        );
      },
    },
    roomCheck(deps.layout.paths.state),
    configCheck(deps),
    {
      id: 'host.sizes',
      title: 'Default sizes',
      run: async () => {
        const { values } = await deps.config.show();
        const sizes = values.filter(({ key }) => key.startsWith('vm_defaults.'));
        const told = sizes.map(
          ({ key, value, origin, source }) =>
            `${key.replace('vm_defaults.', '')} ${value} (${source === '' ? origin : source})`,
        );
        return pass(told.join('; '));
      },
    },
  ];
}

function assetCheck(deps: DoctorDeps, id: string, title: string, path: string): Check {
  return {
    id: `asset.${id}`,
    title,
    run: async () =>
      (await deps.isExecutable(path))
        ? pass(path)
        : fail(`${path} is missing or not executable.`, 'Build it with `make build`.'),
  };
}

function configCheck({ config }: DoctorDeps): Check {
  return {
    id: 'config',
    title: 'Configuration',
    run: async () => {
      const { file, found, now } = await config.show();
      if (now.state === 'invalid') return fail(now.message, now.hint);
      if (now.state === 'unchanged') return pass(found ? file : `defaults; there is no ${file}`);
      return warn(
        `${file} has changed since the daemon read it.`,
        'Run `banger daemon stop`: the next command starts a daemon that reads it anew.',
      );
    },
  };
}
