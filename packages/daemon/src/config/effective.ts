import type { Origin } from '@banger/contract/origin';
import { defaultMemoryMib, defaultVcpu, type HostSize, type VmDefaults } from '../domain/vm-defaults.ts';
import type { ConfigKey, ConfigValue, LogLevel } from './keys.ts';
import type { Config } from './validate.ts';

/** A value that holds, where it came from, and how: `BANGER_LOG_LEVEL`, `FILE:LINE`, `a quarter of 8 CPUs`. */
export interface Effective<T> {
  readonly value: T;
  readonly origin: Origin;
  readonly source: string;
}

/** All values that hold; `undefined` is off. */
export type EffectiveConfig = { readonly [K in ConfigKey]: Effective<ConfigValue<K> | Off<K>> };
/** The keys that can be off. */
type Off<K extends ConfigKey> = K extends 'auto_stop_stale_after' | 'image_catalogs' | 'kernel_catalogs'
  ? undefined
  : never;

/** What the daemon works with. */
export interface Settings {
  readonly logLevel: LogLevel;
  /** A VM that nobody has used for so many milliseconds is stopped; never when undefined. */
  readonly autoStopStaleAfterMs: number | undefined;
  /** Absolute paths of catalogs of images. */
  readonly imageCatalogs: readonly string[];
  /** Absolute paths of catalogs of kernels. */
  readonly kernelCatalogs: readonly string[];
  readonly vmDefaults: VmDefaults;
}

const GIB = 1024 ** 3;
/** Floor for both disks: room for a toolchain and a build; sparse, so that only what is written takes space. */
const DEFAULT_DISK_BYTES = 8 * GIB;
/** The image of a wish that names none. */
const DEFAULT_IMAGE = 'debian-bookworm';

/** Fills what the file leaves open: environment, then file, then host, then floor. */
export function fillIn(
  config: Config,
  { file, host, logLevel }: { file: string; host: HostSize; logLevel: LogLevel | undefined },
): EffectiveConfig {
  const of = <K extends ConfigKey, E>(
    key: K,
    otherwise: Effective<ConfigValue<K> | E>,
  ): Effective<ConfigValue<K> | E> => {
    const written = config[key];
    if (written === undefined) return otherwise;
    return { value: written.value, origin: 'config', source: `${file}:${written.line}` };
  };
  return {
    log_level:
      logLevel === undefined
        ? of('log_level', byDefault('info'))
        : { value: logLevel, origin: 'env', source: LOG_LEVEL_VARIABLE },
    default_image_name: of('default_image_name', byDefault(DEFAULT_IMAGE)),
    auto_stop_stale_after: of('auto_stop_stale_after', byDefault(undefined)),
    image_catalogs: of('image_catalogs', byDefault(undefined)),
    kernel_catalogs: of('kernel_catalogs', byDefault(undefined)),
    'vm_defaults.vcpu': of('vm_defaults.vcpu', {
      value: defaultVcpu(host),
      origin: 'host',
      source: `a quarter of ${host.cpus} CPUs, at least 1 and at most 4`,
    }),
    'vm_defaults.memory_mib': of('vm_defaults.memory_mib', {
      value: defaultMemoryMib(host),
      origin: 'host',
      source: `an eighth of ${host.memoryMib} MiB, at least 512 and at most 8192`,
    }),
    'vm_defaults.disk_size': of('vm_defaults.disk_size', byDefault(DEFAULT_DISK_BYTES)),
    'vm_defaults.root_size': of('vm_defaults.root_size', byDefault(DEFAULT_DISK_BYTES)),
  };
}

/** The variable that wins over `log_level`. */
export const LOG_LEVEL_VARIABLE = 'BANGER_LOG_LEVEL';

/** What the daemon works with, out of what holds. */
export function settingsOf(effective: EffectiveConfig): Settings {
  return {
    logLevel: effective.log_level.value,
    autoStopStaleAfterMs: effective.auto_stop_stale_after.value,
    imageCatalogs: effective.image_catalogs.value ?? [],
    kernelCatalogs: effective.kernel_catalogs.value ?? [],
    vmDefaults: {
      image: effective.default_image_name,
      vcpu: effective['vm_defaults.vcpu'],
      memoryMib: effective['vm_defaults.memory_mib'],
      diskBytes: effective['vm_defaults.disk_size'],
      rootBytes: effective['vm_defaults.root_size'],
    },
  };
}

function byDefault<T>(value: T): Effective<T> {
  return { value, origin: 'default', source: '' };
}
