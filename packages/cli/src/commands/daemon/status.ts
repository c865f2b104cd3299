import { defineCommand } from '../../command.ts';
import { exitStatus } from '../../exit-status.ts';

export const command = defineCommand({
  details: 'Starts none. The exit status is 0 when a daemon runs and 3 when none does.',
  options: {},
  examples: [
    ['banger daemon status', 'process, version, socket, log, and what it is doing'],
    ['banger daemon status --json', 'the same for programs'],
  ],
  run: async ({ clientIfRunning, machine: { paths }, signal }) => {
    const client = await clientIfRunning();
    if (client === undefined) {
      const data = { running: false, socket: paths.socket, log: paths.log } as const;
      return { view: { kind: 'daemon.status', data }, status: exitStatus.notRunning };
    }
    const status = await client.call('daemon.status', {}, { signal });
    return { view: { kind: 'daemon.status', data: { running: true, ...status } } };
  },
});
