import { defineCommand } from '../command.ts';
import { shells, type Shell } from '../completion/shells.ts';
import { parseChoice } from '../options/choice.ts';

const scripts: Readonly<Record<Shell, () => Promise<string>>> = {
  bash: async () => (await import('../completion/bash.ts')).bashScript,
  zsh: async () => (await import('../completion/zsh.ts')).zshScript,
  fish: async () => (await import('../completion/fish.ts')).fishScript,
};

export const command = defineCommand({
  details:
    'The script completes commands, options and their values, and the names of VMs, images and kernels while a daemon runs. It starts none.',
  args: '<shell>',
  options: {},
  examples: [
    ['source <(banger completion bash)', 'for this bash; in ~/.bashrc for every one'],
    ['source <(banger completion zsh)', 'the same for zsh, behind compinit in ~/.zshrc'],
    ['banger completion fish | source', 'for this fish; in ~/.config/fish/config.fish for every one'],
  ],
  run: async (_context, { name }) => {
    const shell = parseChoice(...shells)(name, 'the shell');
    return { view: { kind: 'completion', data: { shell, script: await scripts[shell]() } } };
  },
});
