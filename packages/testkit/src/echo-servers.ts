import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A server on the loopback interface that sends back what it gets. */
export interface EchoServer {
  readonly port: number;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/** Echoes TCP connections, each half closed when its client half closes it. */
export async function startTcpEcho(): Promise<EchoServer> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return {
    port: address.port,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Echoes UDP datagrams. */
export async function startUdpEcho(): Promise<EchoServer> {
  const socket = createSocket('udp4', (message, { address, port }) => socket.send(message, port, address));
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}
