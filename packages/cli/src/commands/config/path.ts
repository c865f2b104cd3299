import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  details: 'Asks no daemon: it works for a file that none would start with. The file need not exist.',
  options: {},
  examples: [
    ['$EDITOR "$(banger config path)"', 'edit the configuration; docs/configuration.md lists its keys'],
  ],
  run: async ({ machine: { paths } }) => ({
    view: { kind: 'config.path', data: { file: paths.configFile } },
  }),
});
