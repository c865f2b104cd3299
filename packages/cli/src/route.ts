import type { CommandEntry, CommandTree, GroupEntry } from './command-tree.ts';

/** Where a command line leads. */
export interface Route {
  /** The words that name the command, or as many of them as are known, as `banger vm run`. */
  readonly path: string;
  readonly group?: GroupEntry;
  /** Absent when the line names no command that there is. */
  readonly entry?: CommandEntry;
  /** What is left of the line without those words. */
  readonly rest: readonly string[];
}

/** A word of the line that is no option, and where it stands. */
interface Word {
  readonly text: string;
  readonly index: number;
}

/** Finds the command that a line names; options may stand before, between and behind its words. */
export function routeOf(argv: readonly string[], tree: CommandTree): Route {
  const dashes = argv.indexOf('--');
  const head = dashes < 0 ? argv : argv.slice(0, dashes);
  const words = head
    .map((text, index): Word => ({ text, index }))
    .filter(({ text }) => !text.startsWith('-'));
  if (words.length === 0 && head.some(isVersionFlag))
    return routeOf(['version', ...argv.filter((word) => !isVersionFlag(word))], tree);
  const named: Word[] = [];
  let group: GroupEntry | undefined;
  let path = 'banger';
  for (const word of words) {
    if (word.text === 'help') return routeOf([...without(argv, word), '--help'], tree);
    const { commands, groups = [] } = group ?? tree;
    const entry = find(commands, word.text);
    const inner = find(groups, word.text);
    const found = entry ?? inner;
    if (found === undefined) break;
    named.push(word);
    path = `${path} ${found.name}`;
    if (entry !== undefined) return { path, ...(group && { group }), entry, rest: without(argv, ...named) };
    group = inner;
  }
  return { path, ...(group && { group }), rest: without(argv, ...named) };
}

function isVersionFlag(word: string): boolean {
  return word === '--version' || word === '-V';
}

function find<T extends Pick<GroupEntry, 'name' | 'aliases'>>(
  entries: readonly T[],
  word: string,
): T | undefined {
  return entries.find(({ name, aliases = [] }) => name === word || aliases.includes(word));
}

function without(argv: readonly string[], ...words: readonly Word[]): string[] {
  return argv.filter((_, at) => words.every(({ index }) => index !== at));
}
