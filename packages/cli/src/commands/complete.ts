import { defineCommand, type Command } from '../command.ts';
import type { CommandTree } from '../command-tree.ts';
import { answer } from '../completion/answers.ts';
import { questionOf } from '../completion/question.ts';

/** The command that tells what can stand next on a line of these commands, itself among them. */
export const completeIn = (tree: CommandTree): Command =>
  defineCommand({
    details:
      'For the scripts of banger completion. Behind -- stands the line up to the cursor, without the program; an empty word where a new one begins. Answers a line a candidate, or :files where a file of this machine is meant. Starts no daemon.',
    options: {},
    rest: 'dashes',
    examples: [["banger complete -- vm stop ''", 'the names of the VMs that there are']],
    run: async ({ machine }, { rest = [] }) => ({
      view: { kind: 'complete', data: await answer(await questionOf(rest, tree), machine) },
    }),
  });
