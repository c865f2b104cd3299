/** What the user has said of one registry; nobody else can, least of all a registry. */
export interface RegistrySettings {
  /** Asked before the registry itself, in this order. */
  readonly mirrors: readonly Mirror[];
  /** True: spoken to without TLS. */
  readonly plainHttp: boolean;
  /** Absolute path of certificates (PEM) of authorities that are trusted for it besides the usual ones. */
  readonly caFile: string | undefined;
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
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };

/** What is said of a host of a reference. */
export function settingsOfHost(registries: Registries, host: string): RegistrySettings {
  return registries.get(host) ?? NOTHING_SAID;
}

/** What is said of the host of an address; one that is the scheme's own may be written or left out. */
export function settingsOfUrl(
  registries: Registries,
  { protocol, host, hostname, port }: URL,
): RegistrySettings {
  const withPort = port === '' ? `${hostname}:${DEFAULT_PORTS[protocol]}` : host;
  for (const [name, settings] of registries)
    if ([host, withPort].includes(name.toLowerCase())) return settings;
  return NOTHING_SAID;
}
