import { child, children, nameOf, type LintRule, type Node } from './rule.ts';

/** Functions that hand a command string to /bin/sh, by the module that exports them. */
const SHELL_FUNCTIONS = new Map<string, readonly string[]>([
  ['node:child_process', ['exec', 'execSync']],
  ['child_process', ['exec', 'execSync']],
  ['execa', ['execaCommand', 'execaCommandSync']],
]);

/** Functions that start a program and take a `shell` option. */
const STARTERS = new Set([
  'spawn',
  'spawnSync',
  'execFile',
  'execFileSync',
  'fork',
  'execa',
  'execaSync',
  'execaNode',
  '$',
  'run',
  'spawnDetached',
]);

/**
 * Programs are started from argv arrays only: a name from a guest, a registry or a user must never meet a shell.
 * Reports imports of the functions that take a command string, imports of a whole process module (the functions
 * behind it would not be seen) and every `shell` option other than `false` of a call that starts a program.
 */
export const noShell: LintRule = {
  meta: { type: 'problem' },
  create: (context) => ({
    ImportDeclaration(node) {
      const source = nameOf(child(node, 'source')) ?? '';
      const functions = SHELL_FUNCTIONS.get(source);
      if (functions === undefined) return;
      for (const specifier of children(node, 'specifiers')) {
        const name = nameOf(child(specifier, 'imported'));
        if (name === undefined) {
          context.report({ node: specifier, message: `Import the functions of ${source} by name.` });
        } else if (functions.includes(name)) {
          context.report({
            node: specifier,
            message: `${name} runs a shell; start programs from argv arrays.`,
          });
        }
      }
    },
    CallExpression(node) {
      const callee = nameOf(child(node, 'callee'));
      if (callee === undefined || !STARTERS.has(callee)) return;
      for (const option of shellOptions(children(node, 'arguments')))
        context.report({ node: option, message: 'No `shell` option: start programs from argv arrays.' });
    },
  }),
};

function shellOptions(callArguments: readonly Node[]): readonly Node[] {
  return callArguments
    .filter((argument) => argument.type === 'ObjectExpression')
    .flatMap((argument) => children(argument, 'properties'))
    .filter((property) => nameOf(child(property, 'key')) === 'shell')
    .filter((property) => child(property, 'value')?.['value'] !== false);
}
