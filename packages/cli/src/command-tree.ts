import type { Command } from './command.ts';

/** A command's place: its name and its file, loaded when it is run. */
export interface CommandEntry {
  readonly name: string;
  readonly aliases: readonly string[];
  /** One line, without a full stop; here rather than in the file, so that the list of commands loads none of them. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
  /** For scripts: in no list of commands. */
  readonly hidden: boolean;
}

/** A group of commands on one thing. */
export interface GroupEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
  /** Groups within this one, as `cache` of `image cache prune`. */
  readonly groups?: readonly GroupEntry[];
}

/** All commands: the groups, and those that stand alone. */
export interface CommandTree {
  readonly groups: readonly GroupEntry[];
  readonly commands: readonly CommandEntry[];
}

/** What people are told of below a group, or at the top of the tree: there the groups come first. */
export function shownEntries(
  tree: CommandTree,
  group: GroupEntry | undefined,
): readonly (CommandEntry | GroupEntry)[] {
  if (group === undefined) return [...tree.groups, ...tree.commands.filter(isShown)];
  return [...group.commands.filter(isShown), ...(group.groups ?? [])];
}

function isShown({ hidden }: CommandEntry): boolean {
  return !hidden;
}
