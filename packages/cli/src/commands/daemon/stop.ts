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
    const busy = await stopDaemon(client, { ifIdle: false, signal });
    if (busy.length > 0)
      reporter.warning(
        `it was busy with ${busy.join(', ')}: cancelled, or waited for where there is no way back`,
      );
    return { view: { kind: 'daemon.stop', data: { stopped: true, pid, busy } } };
  },
});
