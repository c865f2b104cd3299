import type { Connection } from '@banger/rpc/handler';

const KEY = 'client process';

/** Remembers the process that a client said to be. It is shown and nothing more: nobody is let in by it. */
export function rememberClient(connection: Connection, pid: number | undefined): void {
  if (pid !== undefined) connection.state.set(KEY, pid);
}

/** The process of a client that said it in its greeting. */
export function clientOf(connection: Connection): number | undefined {
  return connection.state.get(KEY) as number | undefined;
}
