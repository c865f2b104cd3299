import type { HostSettings } from '../../../host/http/host-settings.ts';

/** What the user has said of one registry; nobody else can, least of all a registry. */
export interface RegistrySettings extends HostSettings {
  /** Asked before the registry itself, in this order. */
  readonly mirrors: readonly Mirror[];
}

/** Another registry that has the same images. */
export interface Mirror {
  /** `HOST` or `HOST:PORT`; what is said of that registry holds for it. */
  readonly host: string;
  /** What stands before the names of its repositories, as `hub-proxy`; empty for nothing. */
  readonly prefix: string;
}

/** By host, as it stands in a reference. */
export type Registries = ReadonlyMap<string, RegistrySettings>;

const NOTHING_SAID: RegistrySettings = { mirrors: [], plainHttp: false, caFile: undefined };

/** What is said of a host of a reference. */
export function settingsOfHost(registries: Registries, host: string): RegistrySettings {
  return registries.get(host) ?? NOTHING_SAID;
}
