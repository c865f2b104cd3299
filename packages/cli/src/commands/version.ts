import { defineCommand } from '../command.ts';

export const command = defineCommand({
  details: 'Asks the daemon that runs, and starts none.',
  options: {},
  examples: [
    ['banger version', 'version, commit, build time and build of both'],
    ['banger version -q', 'the version alone'],
  ],
  run: async ({ clientIfRunning, machine: { build } }) => {
    const client = await clientIfRunning();
    if (client === undefined) return { view: { kind: 'version', data: { cli: build, daemon: null } } };
    const { hello } = client;
    return { view: { kind: 'version', data: { cli: build, daemon: { ...hello.build, pid: hello.pid } } } };
  },
});
