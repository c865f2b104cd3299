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
}

/** All commands: the groups, and those that stand alone. */
export interface CommandTree {
  readonly groups: readonly GroupEntry[];
  readonly commands: readonly CommandEntry[];
}

/** What people are told of below a group, or at the top of the tree. */
export function shownEntries(
  { groups, commands }: CommandTree,
  group: GroupEntry | undefined,
): readonly (CommandEntry | GroupEntry)[] {
  return group === undefined ? [...groups, ...commands.filter(isShown)] : group.commands.filter(isShown);
}

function isShown({ hidden }: CommandEntry): boolean {
  return !hidden;
}
