/** What the user has said of one host; nobody else can, least of all a host. */
export interface HostSettings {
  /** True: spoken to without TLS. */
  readonly plainHttp: boolean;
  /** Absolute path of certificates (PEM) of authorities that are trusted for it besides the usual ones. */
  readonly caFile: string | undefined;
}

/** By `HOST` or `HOST:PORT`. */
export type Hosts = ReadonlyMap<string, HostSettings>;

const NOTHING_SAID: HostSettings = { plainHttp: false, caFile: undefined };
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };

/** What is said of the host of an address; a port that is the scheme's own may be written or left out. */
export function settingsOfUrl(hosts: Hosts, { protocol, host, hostname, port }: URL): HostSettings {
  const withPort = port === '' ? `${hostname}:${DEFAULT_PORTS[protocol]}` : host;
  for (const [name, settings] of hosts) if ([host, withPort].includes(name.toLowerCase())) return settings;
  return NOTHING_SAID;
}
