import { nearest } from '../domain/nearest.ts';
import { configKeys, isKey, keyNames, tableNames, type ConfigKey, type ConfigValue } from './keys.ts';
import type { Entry, Problem, TomlValue } from './toml-document.ts';

/** A value that stands in the file, and the line. */
export interface Written<T> {
  readonly value: T;
  readonly line: number;
}

/** What a file says; keys that it does not have are absent. */
export type Config = { readonly [K in ConfigKey]?: Written<ConfigValue<K>> };

/** Longest piece of a wrong name or value that a message repeats. */
const LONGEST_SHOWN = 60;

/** What a file says, or all that is wrong with it. */
export function validate(entries: readonly Entry[]): { config: Config; problems: readonly Problem[] } {
  const config: Record<string, Written<unknown>> = {};
  const problems: Problem[] = [];
  /** Names that were refused already: what stands below them says nothing new. */
  const refused = new Set<string>();
  for (const { path, value, line, column } of entries) {
    const { name, whole } = deciding(path, refused);
    if (refused.has(name)) continue;
    const found = whole ? value : ({ kind: 'table' } as const);
    const read = isKey(name) ? configKeys[name].read(found) : undefined;
    if (read !== undefined) config[name] = { value: read, line };
    else {
      const message = complaint(name, found);
      if (message === undefined) continue;
      refused.add(name);
      problems.push({ line, column, key: cut(name), message });
    }
  }
  return { config, problems };
}

/** The first part of a path that is no table of ours, or was refused before; `whole` when that is all of it. */
function deciding(path: readonly string[], refused: ReadonlySet<string>): { name: string; whole: boolean } {
  const ends = path.findIndex((_, index) => {
    const name = dotted(path.slice(0, index + 1));
    return !tableNames.includes(name) || refused.has(name);
  });
  const length = ends < 0 ? path.length : ends + 1;
  return { name: dotted(path.slice(0, length)), whole: length === path.length };
}

/** What is wrong with a name or with the value that it has; undefined for the table that it is to be. */
function complaint(name: string, value: TomlValue): string | undefined {
  if (isKey(name)) return `${name} must ${configKeys[name].must}, and is ${told(value)}`;
  if (!tableNames.includes(name)) return unknown(name, value);
  return value.kind === 'table' ? undefined : `${name} must be a table, and is ${told(value)}`;
}

function unknown(name: string, { kind }: TomlValue): string {
  const isTable = kind === 'table' || kind === 'tables';
  const what = `there is no ${isTable ? 'table' : 'key'} ${cut(name)}`;
  const likely = meant(name, isTable);
  return likely === undefined
    ? `${what}; those there are: ${[...keyNames, ...tableNames].join(', ')}`
    : `${what}; did you mean ${likely}?`;
}

/** A known name that is like this one, or whose last part is: the table may have been forgotten. */
function meant(name: string, isTable: boolean): string | undefined {
  const last = name.slice(name.lastIndexOf('.') + 1);
  const known: readonly string[] = isTable ? tableNames : keyNames;
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

/** A path as it would be written, odd names in quotes. */
function dotted(path: readonly string[]): string {
  return path.map((name) => (/^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name))).join('.');
}

function cut(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
