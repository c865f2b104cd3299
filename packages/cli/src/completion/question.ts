import type { Command, OptionRow } from '../command.ts';
import { commonRows } from '../options/common.ts';
import { shownEntries, type CommandEntry, type CommandTree, type GroupEntry } from '../command-tree.ts';
import { routeOf } from '../route.ts';
import { flagsOf, placeholderOf, type Flags } from './flags.ts';

/** What can stand where the cursor is. */
export type Question =
  /** A command, after the words that name its group. */
  | { readonly kind: 'command'; readonly entries: readonly (CommandEntry | GroupEntry)[] }
  /** An option that was not given yet. */
  | { readonly kind: 'option'; readonly rows: readonly OptionRow<unknown>[] }
  /** One of some words. */
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** What the placeholder of an option or an operand says, as `image`; `group`: of which thing a `name` is. */
  | {
      readonly kind: 'value';
      readonly placeholder: string;
      readonly group: string | undefined;
      /** Operands that stand there already. */
      readonly given: readonly string[];
    }
  | { readonly kind: 'nothing' };

/** A question, and the part of the word that is there already: `prefix` stays as it is, answers begin with `begun`. */
export interface Asked {
  readonly question: Question;
  readonly prefix: string;
  readonly begun: string;
}

const NOTHING: Question = { kind: 'nothing' };

/** What the words of a command line ask for, without the program's own; the last of them is the one at the cursor. */
export async function questionOf(line: readonly string[], tree: CommandTree): Promise<Asked> {
  const { words, current } = unsplit(line);
  const asks = (question: Question): Asked => ({ question, prefix: '', begun: current });
  // Behind -- stands a command of the guest, of which nobody here knows anything.
  if (words.includes('--')) return asks(NOTHING);
  const { entry, group, rest } = routeOf(words, tree);
  if (entry === undefined) {
    if (rest.some((word) => !word.startsWith('-') && word !== 'help')) return asks(NOTHING);
    if (current.startsWith('-')) return asks({ kind: 'option', rows: Object.values(commonRows) });
    return asks({ kind: 'command', entries: shownEntries(tree, group) });
  }
  const command = await entry.load();
  const rows: OptionRow<unknown>[] = [...Object.values(command.options), ...Object.values(commonRows)];
  const read = readWords(rows, rest);
  if (read.open !== undefined) return asks(valueOf(read.open));
  const [flag, value] = splitFlag(current);
  if (value !== undefined) {
    const option = rows.map(flagsOf).find(({ long }) => long === flag);
    if (option?.row.parse === undefined) return asks(NOTHING);
    return { question: valueOf(option), prefix: `${flag}=`, begun: value };
  }
  if (current.startsWith('-')) {
    return asks({ kind: 'option', rows: rows.filter((row) => row.repeat === true || !read.given.has(row)) });
  }
  return asks(operandOf(command, group, read.operands));
}

/**
 * bash splits a word at `=`: it gives `--image`, `=`, `deb` for `--image=deb`, and completes the last of them alone. Before the
 * cursor the words are put together again; at the cursor the flag is one that waits for its value.
 */
function unsplit(line: readonly string[]): { words: string[]; current: string } {
  const words: string[] = [];
  line.slice(0, -1).forEach((word, index) => {
    const last = words.at(-1);
    if (word === '=' && last?.startsWith('--') === true) return;
    if (line[index - 1] === '=' && last?.startsWith('--') === true) words.splice(-1, 1, `${last}=${word}`);
    else words.push(word);
  });
  const current = line.at(-1) ?? '';
  return { words, current: current === '=' ? '' : current };
}

/** What the words behind a command's name are: options with their values, and operands. */
function readWords(
  rows: readonly OptionRow<unknown>[],
  words: readonly string[],
): { operands: string[]; given: ReadonlySet<OptionRow<unknown>>; open: Flags | undefined } {
  const operands: string[] = [];
  const given = new Set<OptionRow<unknown>>();
  const all = rows.map(flagsOf);
  let open: Flags | undefined;
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (!word.startsWith('-') || word === '-') operands.push(word);
    else {
      const [flag, value] = splitFlag(word);
      const found = all.find(({ long, short }) => flag === long || flag === short);
      if (found === undefined) continue;
      given.add(found.row);
      if (found.row.parse !== undefined && value === undefined) open = found;
    }
  }
  return { operands, given, open };
}

function splitFlag(word: string): readonly [flag: string, value: string | undefined] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function valueOf({ row, placeholder }: Flags): Question {
  const choices = row.parse?.choices;
  if (choices !== undefined) return { kind: 'choice', choices };
  return { kind: 'value', placeholder, group: undefined, given: [] };
}

function operandOf(command: Command, group: GroupEntry | undefined, given: readonly string[]): Question {
  if (command.rest === 'operands' && given.length > 0) return NOTHING;
  const wanted = (command.args ?? '').split(' ').filter((word) => word !== '');
  const last = wanted.at(-1);
  const next = wanted[given.length] ?? (last?.includes('...') === true ? last : undefined);
  if (next === undefined) return NOTHING;
  return { kind: 'value', placeholder: placeholderOf(next), group: group?.name, given };
}
