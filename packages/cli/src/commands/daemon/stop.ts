import { defineCommand } from '../../command.ts';

export const command = defineCommand({
  details: 'VMs go on running, and the next daemon finds them. It is no error when none runs.',
  options: {},
  examples: [['banger daemon stop', 'the next command that needs a daemon starts one']],
  run: async ({ clientIfRunning, signal, reporter }) => {
    const client = await clientIfRunning();
    if (client === undefined) return { view: { kind: 'daemon.stop', data: { stopped: false } } };
    const { pid } = client.hello;
    const { stopDaemon } = await import('@banger/sdk/stop-daemon');
    const cutOff = await stopDaemon(client, { ifIdle: false, signal });
    if (cutOff.length > 0) reporter.warning(`cut off: ${cutOff.join(', ')}`);
    return { view: { kind: 'daemon.stop', data: { stopped: true, pid, cutOff } } };
  },
});
