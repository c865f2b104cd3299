import { isAbsolute } from 'node:path';
import { isRegistryHost, isRepository } from '../drivers/image/registry/reference.ts';
import type { Mirror, Registries, RegistrySettings } from '../drivers/image/registry/settings.ts';
import type { Key } from './key.ts';
import type { Written } from './written.ts';

/** The table of tables that say something of a registry, by its host. */
export const REGISTRIES = 'registries';

/** Mirrors that are asked one after the other; each that does not answer costs its time-out. */
const MOST_MIRRORS = 8;
const HOST = 'HOST or HOST:PORT';

/** What can be said of one registry, in `[registries."HOST"]`. */
export const registryKeys = {
  mirrors: key<readonly Mirror[]>({
    summary:
      'registries that have the same images: asked first, in this order; what fails there is asked of the next',
    otherwise: 'off',
    must: `be an array of 1-${MOST_MIRRORS} texts as "${HOST}" or "HOST/PREFIX"`,
    read: (value) => {
      const texts = value.kind === 'array' ? (value.texts ?? []) : [];
      const mirrors = texts.map(readMirror).filter((mirror) => mirror !== undefined);
      return texts.length > 0 && texts.length <= MOST_MIRRORS && mirrors.length === texts.length
        ? mirrors
        : undefined;
    },
    write: (mirrors) =>
      mirrors.map(({ host, prefix }) => (prefix === '' ? host : `${host}/${prefix}`)).join(', '),
  }),
  plain_http: key<boolean>({
    summary:
      'true: it is spoken to without TLS, so that everybody on the way reads and changes what goes over it',
    otherwise: 'false',
    must: 'be true or false',
    read: (value) => (value.kind === 'boolean' ? value.yes : undefined),
    write: String,
  }),
  ca_file: key<string>({
    summary: 'certificates (PEM) of authorities that are trusted for it besides the usual ones',
    otherwise: 'off',
    must: 'be an absolute path',
    read: (value) => (value.kind === 'string' && isAbsolute(value.text) ? value.text : undefined),
    write: (path) => path,
  }),
} as const;

export type RegistryKey = keyof typeof registryKeys;
type ValueOf<K extends RegistryKey> = (typeof registryKeys)[K] extends Key<infer T> ? T : never;

/** What a file says of one registry; keys that it does not have are absent. */
export type WrittenRegistry = { readonly [K in RegistryKey]?: Written<ValueOf<K>> };

/** The names of its keys, in the order in which they are shown. */
export const registryKeyNames = Object.keys(registryKeys) as RegistryKey[];

export function isRegistryKey(name: string): name is RegistryKey {
  return Object.hasOwn(registryKeys, name);
}

/** True for what can stand in `[registries."…"]`. */
export function isRegistryName(host: string): boolean {
  return isRegistryHost(host);
}

/** What the driver works with. */
export function registriesOf(written: ReadonlyMap<string, WrittenRegistry>): Registries {
  return new Map(
    [...written].map(
      ([host, { mirrors, plain_http: plainHttp, ca_file: caFile }]): [string, RegistrySettings] => [
        host,
        { mirrors: mirrors?.value ?? [], plainHttp: plainHttp?.value ?? false, caFile: caFile?.value },
      ],
    ),
  );
}

function readMirror(text: string): Mirror | undefined {
  const [host = '', ...rest] = text.split('/');
  const prefix = rest.join('/');
  return isRegistryHost(host) && (rest.length === 0 || isRepository(prefix)) ? { host, prefix } : undefined;
}

/** Keeps the type of a key's value. */
function key<T>(row: Key<T>): Key<T> {
  return row;
}
