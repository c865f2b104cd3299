import { statfs } from 'node:fs/promises';
import type { ImageStore } from '../../drivers/image/driver.ts';
import type { KernelStore } from '../../drivers/kernel/driver.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import type { Layout } from '../../domain/layout.ts';
import { familyOf, installHint, tools } from '../../domain/tools.ts';
import type { Distribution } from '../../host/distribution.ts';
import type { Runner } from '../../host/runner.ts';
import type { ConfigService } from '../config.ts';
import { capabilities } from '../vm/capabilities/list.ts';
import { fail, pass, warn, type Check } from './check.ts';

/** What the checks look at. */
export interface DoctorDeps {
  readonly runner: Pick<Runner, 'which'>;
  readonly vmm: VmmDriver;
  readonly network: NetworkDriver;
  readonly images: ImageStore;
  readonly kernels: KernelStore;
  /** Absolute paths of what a build of banger brings: the agent and the network guard. */
  readonly assets: { readonly agent: string; readonly netguard: string };
  readonly isExecutable: (path: string) => Promise<boolean>;
  readonly layout: Layout;
  readonly config: ConfigService;
  readonly defaultImage: string;
  readonly arch: string;
  readonly distribution: () => Promise<Distribution>;
}

/** Below this a first image with its staging does not fit. */
const LEAST_FREE_BYTES = 4 * 1024 ** 3;

/** Every check, in the order in which they are shown. */
export function doctorChecks(deps: DoctorDeps): Check[] {
  return [
    {
      id: 'host.arch',
      title: 'Architecture',
      run: async () =>
        deps.arch === 'x64'
          ? pass('x86-64')
          : fail(`${deps.arch} is not supported.`, 'Use a machine with an x86-64 processor.'),
    },
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
        const { binary, version } = await deps.vmm.look();
        return pass(`${deps.vmm.kind} ${version} (${binary})`);
      },
    },
    {
      id: 'vmm.accel',
      title: 'Acceleration',
      run: async () => {
        const { accel } = await deps.vmm.look();
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
    {
      id: 'host.room',
      title: 'Room on disk',
      run: async () => {
        const { bavail, bsize } = await statfs(deps.layout.paths.state);
        const free = bavail * bsize;
        const words = `${(free / 1024 ** 3).toFixed(1)} GiB free in ${deps.layout.paths.state}`;
        return free >= LEAST_FREE_BYTES
          ? pass(words)
          : warn(words, 'Free some space, or move BANGER_HOME to a larger disk.');
      },
    },
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
