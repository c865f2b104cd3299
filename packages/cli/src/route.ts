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
  const [first, second] = head
    .map((text, index): Word => ({ text, index }))
    .filter(({ text }) => !text.startsWith('-'));
  if (first === undefined) {
    if (!head.some(isVersionFlag)) return { path: 'banger', rest: argv };
    return routeOf(['version', ...argv.filter((word) => !isVersionFlag(word))], tree);
  }
  if (first.text === 'help') return routeOf([...without(argv, first), '--help'], tree);
  const alone = find(tree.commands, first.text);
  if (alone !== undefined) return { path: `banger ${alone.name}`, entry: alone, rest: without(argv, first) };
  const group = tree.groups.find(
    ({ name, aliases = [] }) => name === first.text || aliases.includes(first.text),
  );
  if (group === undefined) return { path: 'banger', rest: argv };
  if (second?.text === 'help') return routeOf([...without(argv, second), '--help'], tree);
  const path = `banger ${group.name}`;
  const entry = second === undefined ? undefined : find(group.commands, second.text);
  if (second === undefined || entry === undefined) return { path, group, rest: without(argv, first) };
  return { path: `${path} ${entry.name}`, group, entry, rest: without(argv, first, second) };
}

function isVersionFlag(word: string): boolean {
  return word === '--version' || word === '-V';
}

function find(entries: readonly CommandEntry[], word: string): CommandEntry | undefined {
  return entries.find(({ name, aliases }) => name === word || aliases.includes(word));
}

function without(argv: readonly string[], ...words: readonly Word[]): string[] {
  return argv.filter((_, at) => words.every(({ index }) => index !== at));
}
