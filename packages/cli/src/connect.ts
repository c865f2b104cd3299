import { buildInfo } from '@banger/contract/build-info';
import { installation } from '@banger/contract/installation';
import { connectDaemon, connectRunning } from '@banger/sdk/connect';
import type { DaemonClient } from './client.ts';
import type { ConnectRequest, Machine } from './machine.ts';

/** Connects to the daemon of this installation as the request says; undefined when none runs and none may be started. */
export async function connect(
  { start, signal, onStart }: ConnectRequest,
  { paths, env, uid }: Pick<Machine, 'paths' | 'env' | 'uid'>,
): Promise<DaemonClient | undefined> {
  const options = { paths, uid, signal, build: buildInfo() };
  if (!start) return connectRunning(options);
  return connectDaemon({
    ...options,
    start: async (startSignal) => {
      onStart?.();
      const { startDaemon } = await import('@banger/sdk/start-daemon');
      const command = installation().daemon;
      await startDaemon({
        paths,
        env,
        uid,
        command,
        ...(startSignal === undefined ? {} : { signal: startSignal }),
      });
    },
  });
}
