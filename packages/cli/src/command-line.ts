import { Command as Parser, CommanderError, Option } from 'commander';
import type { Command, CommandInput, OptionRow, OptionRows, OptionValues } from './command.ts';
import { shownEntries, type CommandEntry } from './command-tree.ts';
import { registry } from './registry.ts';
import { routeOf, type Route } from './route.ts';
import { commonRows } from './options/common.ts';
import { quoted, usageError } from './options/usage.ts';

/** A command line that was understood. */
export type CommandLine =
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly input: CommandInput<OptionRows>;
      readonly json: boolean;
      readonly quiet: boolean;
    }
  | { readonly kind: 'help'; readonly text: string };

/**
 * Words of a guest's command that the parser gets to see: it passes them on one by one, on the stack, which has no room for all that a
 * command may have. Everything of ours stands before them.
 */
const MAX_PARSED = 1000;

/**
 * Reads a command line, without the program's own name. Throws `usage`, or what an option's parser throws. Only the
 * file of the command that is meant is loaded. `width` is that of help texts, in columns.
 */
export async function readCommandLine(argv: readonly string[], width: number): Promise<CommandLine> {
  const route = routeOf(argv, registry);
  if (route.entry === undefined) return readIncomplete(route, width);
  return readCommand(route.path, route.entry, await route.entry.load(), route.rest, width);
}

/** Whether the line names a command that passes a guest command's exit status on. */
export async function isSession(argv: readonly string[]): Promise<boolean> {
  const command = await routeOf(argv, registry).entry?.load();
  return command?.session === true;
}

/** A line that names no command: help where that was asked for (or nothing at all), else what is wrong with it. */
function readIncomplete({ path, group, rest }: Route, width: number): CommandLine {
  const parser = newParser(path, width);
  for (const row of Object.values(commonRows)) parser.addOption(optionOf(row));
  if (group === undefined) parser.option('-V, --version', 'the same as the command version');
  const entries = shownEntries(registry, group);
  for (const each of entries) {
    const child = parser.command(each.name).summary(each.summary);
    if ('aliases' in each) child.aliases([...each.aliases]);
  }
  if (group === undefined) parser.description('A fresh Linux machine in one command.');
  else parser.description(`${group.summary}.`);
  parser.addHelpText('after', group === undefined ? rootExamples : `\nSee also: ${path} COMMAND --help`);
  if (rest.length === 0 && group === undefined)
    return { kind: 'help', text: parser.helpInformation() + rootExamples };
  const outcome = parse(parser, path, rest);
  if (outcome !== undefined) return outcome;
  const known = entries.map(({ name }) => name).join(', ');
  throw usageError(`${path} needs a command.`, `Write one of: ${known}.`);
}

const rootExamples = `
Examples:
  banger vm run                            a fresh Debian, and a shell in it
  banger vm run --rm -- uname -a           run one command, leave nothing behind
  banger ps                                the VMs that there are
  banger doctor                            what this host can do, and what it lacks

See also: banger COMMAND --help
`;

function readCommand(
  path: string,
  entry: CommandEntry,
  command: Command,
  argv: readonly string[],
  width: number,
): CommandLine {
  const read = (line: readonly string[], passThrough: boolean): CommandLine | Parsed =>
    parseCommand(path, entry, command, line, width, passThrough);
  const dashes = command.rest === undefined ? -1 : argv.indexOf('--');
  if (command.rest === 'operands') {
    const parsed = read(argv.slice(0, MAX_PARSED), true);
    if ('kind' in parsed) return parsed;
    const [name, ...words] = [...parsed.operands, ...argv.slice(MAX_PARSED)];
    // Options behind the name belong to the guest's command, unless a -- further on says where that begins.
    if (words[0]?.startsWith('-') !== true || words[0] === '--') {
      const rest = words[0] === '--' ? words.slice(1) : words;
      return commandLine(
        command,
        { ...parsed, operands: name === undefined ? [] : [name] },
        rest,
        words[0] === '--',
      );
    }
    if (dashes < 0) {
      throw usageError(
        `${quoted(words[0])} stands behind the name, where the command is expected.`,
        `Write options before the name, and the command behind --: ${path} [options] NAME -- COMMAND.`,
      );
    }
  }
  const parsed = read(dashes < 0 ? argv : argv.slice(0, dashes), false);
  if ('kind' in parsed) return parsed;
  return commandLine(command, parsed, dashes < 0 ? [] : argv.slice(dashes + 1), dashes >= 0);
}

/** What a parser made of the words before the guest's command. */
interface Parsed {
  readonly operands: readonly string[];
  readonly values: Readonly<Record<string, unknown>>;
}

function commandLine(
  command: Command,
  { operands, values }: Parsed,
  rest: readonly string[],
  dashed: boolean,
): CommandLine {
  if (dashed && rest.length === 0) throw usageError('There is no command behind --.');
  const { json, quiet, ...own } = values;
  return {
    kind: 'command',
    command,
    input: {
      args: operands,
      name: operands[0] ?? '',
      options: own as OptionValues<OptionRows>,
      rest: rest.length === 0 ? undefined : rest,
    },
    json: json === true,
    quiet: quiet === true,
  };
}

/** Parses the words before the guest's command, or gives the help that they ask for. */
function parseCommand(
  path: string,
  entry: CommandEntry,
  command: Command,
  argv: readonly string[],
  width: number,
  passThrough: boolean,
): CommandLine | Parsed {
  const parser = newParser(path, width).description(describe(entry, command));
  if (command.args !== undefined) parser.arguments(command.args);
  if (command.rest !== undefined) {
    // The operand of `dashes` commands is none that they can use yet.
    const operand = command.rest === 'operands' ? ` ${command.args ?? ''}` : '';
    parser.usage(`[options]${operand} [-- command [args...]]`);
  }
  if (passThrough) parser.passThroughOptions().allowExcessArguments();
  const options = Object.entries<OptionRow<unknown>>({ ...command.options, ...commonRows }).map(
    ([key, row]) => {
      const option = optionOf(row);
      parser.addOption(option);
      return { key, row, option };
    },
  );
  parser.addHelpText('after', examplesText(command));
  const help = parse(
    parser,
    path,
    argv,
    command.rest === undefined ? '' : 'A command is written behind --. ',
  );
  if (help !== undefined) return help;
  const given = parser.opts<Record<string, unknown>>();
  const values = options.flatMap(({ key, row, option }) => {
    const value = valueOf(row, option, given[option.attributeName()]);
    return value === undefined ? [] : [[key, value] as const];
  });
  return { operands: parser.args, values: Object.fromEntries(values) };
}

function newParser(path: string, width: number): Parser {
  return new Parser(path)
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .configureHelp({ helpWidth: width });
}

/** Parses; returns the help text when that was asked for. Throws `usage`, with the note in its hint. */
function parse(parser: Parser, path: string, argv: readonly string[], note = ''): CommandLine | undefined {
  let text = '';
  parser.configureOutput({ writeOut: (part) => (text += part), writeErr: () => {} });
  try {
    parser.parse([...argv], { from: 'user' });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.code === 'commander.helpDisplayed') return { kind: 'help', text };
    if (thrown.code === 'commander.help') return undefined;
    throw asUsage(thrown, path, note);
  }
}

/** What the parser says, in our form: its suggestion becomes the hint. */
function asUsage({ message }: CommanderError, path: string, note: string): Error {
  const [said, suggestion] = message.replace(/^error: /, '').split('\n');
  const text = said ?? message;
  const sentence = `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.?$/, '.');
  const meant = suggestion === undefined ? '' : `${suggestion.replace(/^\(|\)$/g, '')} `;
  return usageError(sentence, `${meant}${note}See ${path} --help.`);
}

function optionOf({ flags, text, parse: read, repeat }: OptionRow<unknown>): Option {
  const option = new Option(flags, text);
  if (read !== undefined && repeat === true) {
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  }
  return option;
}

function valueOf({ flags, parse: read }: OptionRow<unknown>, option: Option, given: unknown): unknown {
  if (option.negate) return given === false ? true : undefined;
  if (given === undefined || given === false) return undefined;
  if (read === undefined) return true;
  const flag = option.long ?? flags;
  return Array.isArray(given) ? given.map((each: string) => read(each, flag)) : read(given as string, flag);
}

function describe({ summary, aliases }: CommandEntry, { details }: Command): string {
  const also = aliases.length === 0 ? '' : `\n\nAlso: ${aliases.join(', ')}`;
  return `${summary}.${details === undefined ? '' : `\n\n${details}`}${also}`;
}

function examplesText({ examples }: Command): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  return `\nExamples:\n${examples.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`).join('\n')}\n`;
}
