import { nearest } from '../domain/nearest.ts';
import { dotted } from './dotted.ts';
import type { Key } from './key.ts';
import { configKeys, isKey, keyNames, tableNames, type ConfigKey, type ConfigValue } from './keys.ts';
import {
  isRegistryKey,
  isRegistryName,
  REGISTRIES,
  registryKeyNames,
  registryKeys,
  type WrittenRegistry,
} from './registry-keys.ts';
import type { Entry, Problem, TomlValue } from './toml-document.ts';
import type { Written } from './written.ts';

/** What a file says; keys that it does not have are absent. */
export type Config = { readonly [K in ConfigKey]?: Written<ConfigValue<K>> };

/** Longest piece of a wrong name or value that a message repeats. */
const LONGEST_SHOWN = 60;

/** What a file says, or all that is wrong with it. */
export interface Validated {
  readonly config: Config;
  /** What it says of registries, by host. */
  readonly registries: ReadonlyMap<string, WrittenRegistry>;
  readonly problems: readonly Problem[];
}

/** Checks every entry of a file: each is a key that there is, with a value that it may have, or a problem. */
export function validate(entries: readonly Entry[]): Validated {
  const config: Record<string, Written<unknown>> = {};
  const registries = new Map<string, Record<string, Written<unknown>>>();
  const problems: Problem[] = [];
  /** Names that were refused already: what stands below them says nothing new. */
  const refused = new Set<string>();
  for (const { path, value, line, column } of entries) {
    const { parts, whole } = deciding(path, refused);
    const name = dotted(parts);
    if (refused.has(name)) continue;
    const found = whole ? value : ({ kind: 'table' } as const);
    const read = keyOf(parts)?.read(found);
    if (read !== undefined) {
      const [, host = '', key = ''] = parts;
      if (isKey(name)) config[name] = { value: read, line };
      else registries.set(host, { ...registries.get(host), [key]: { value: read, line } });
    } else {
      const message = complaint(parts, found);
      if (message === undefined) continue;
      refused.add(name);
      problems.push({ line, column, key: cut(name), message });
    }
  }
  return { config, registries, problems };
}

/** The first part of a path that is no table of ours, or was refused before; `whole` when that is all of it. */
function deciding(
  path: readonly string[],
  refused: ReadonlySet<string>,
): { parts: readonly string[]; whole: boolean } {
  const ends = path.findIndex((_, index) => {
    const parts = path.slice(0, index + 1);
    return !isTable(parts) || refused.has(dotted(parts));
  });
  const length = ends < 0 ? path.length : ends + 1;
  return { parts: path.slice(0, length), whole: length === path.length };
}

function isTable(parts: readonly string[]): boolean {
  const [first, host] = parts;
  if (first !== REGISTRIES) return tableNames.includes(dotted(parts));
  return parts.length === 1 || (parts.length === 2 && isRegistryName(host ?? ''));
}

function keyOf(parts: readonly string[]): Pick<Key<unknown>, 'must' | 'read'> | undefined {
  const [first, , name] = parts;
  if (first === REGISTRIES && parts.length === 3 && name !== undefined)
    return isRegistryKey(name) ? registryKeys[name] : undefined;
  const whole = dotted(parts);
  return isKey(whole) ? configKeys[whole] : undefined;
}

/** What is wrong with a name or with the value that it has; undefined for the table that it is to be. */
function complaint(parts: readonly string[], value: TomlValue): string | undefined {
  const name = cut(dotted(parts));
  const key = keyOf(parts);
  if (key !== undefined) return `${name} must ${key.must}, and is ${told(value)}`;
  if (isTable(parts))
    return value.kind === 'table' ? undefined : `${name} must be a table, and is ${told(value)}`;
  return parts[0] === REGISTRIES ? unknownOfRegistry(parts) : unknown(dotted(parts), value);
}

function unknownOfRegistry(parts: readonly string[]): string {
  if (parts.length === 2) return `${cut(dotted(parts))} is no registry: it must be a HOST or "HOST:PORT"`;
  const [, host = '', key = ''] = parts;
  const like = nearest(key, registryKeyNames);
  const names = registryKeyNames.map((name) => dotted([REGISTRIES, host, name]));
  return like === undefined
    ? `there is no key ${cut(dotted(parts))}; those there are: ${names.join(', ')}`
    : `there is no key ${cut(dotted(parts))}; did you mean ${dotted([REGISTRIES, host, like])}?`;
}

function unknown(name: string, { kind }: TomlValue): string {
  const isTableLike = kind === 'table' || kind === 'tables';
  const what = `there is no ${isTableLike ? 'table' : 'key'} ${cut(name)}`;
  const likely = meant(name, isTableLike);
  return likely === undefined
    ? `${what}; those there are: ${[...keyNames, ...tableNames, REGISTRIES].join(', ')}`
    : `${what}; did you mean ${likely}?`;
}

/** A known name that is like this one, or whose last part is: the table may have been forgotten. */
function meant(name: string, isTableLike: boolean): string | undefined {
  const last = name.slice(name.lastIndexOf('.') + 1);
  const known: readonly string[] = isTableLike ? [...tableNames, REGISTRIES] : keyNames;
  const lasts = known.map((each) => each.slice(each.lastIndexOf('.') + 1));
  const like = nearest(name, known);
  if (like !== undefined) return like;
  const likeLast = nearest(last, lasts);
  return likeLast === undefined ? undefined : known[lasts.indexOf(likeLast)];
}

const kinds: Readonly<Record<Exclude<TomlValue['kind'], 'string' | 'integer'>, string>> = {
  table: 'a table',
  tables: 'an array of tables',
  array: 'an array',
  float: 'a number with a fraction',
  boolean: 'true or false',
  date: 'a date or time',
};

function told(value: TomlValue): string {
  if (value.kind === 'string') return JSON.stringify(cut(value.text));
  return value.kind === 'integer' ? String(value.number) : kinds[value.kind];
}

function cut(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
