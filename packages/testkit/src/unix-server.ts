import { createServer, type Socket } from 'node:net';

/** A listening unix socket. */
export interface UnixServer {
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/** Listens on a unix socket and hands over each connection. Rejects with the errno when the path cannot be used. */
export async function listenOnUnixSocket(
  path: string,
  onConnection: (socket: Socket) => void,
): Promise<UnixServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, resolve);
  await promise;
  return {
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}
