import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';

/** Where to listen, over TCP and UDP. */
export interface Listening {
  readonly address: string;
  readonly port: number;
}

/** Somebody came. */
export interface Seen {
  readonly protocol: 'tcp' | 'udp';
  /** Where it listened. */
  readonly address: string;
  readonly port: number;
  readonly from: string;
}

/** What every visitor is answered. */
export const GREETING = 'reached';

/** Program: listens at each place of its argument (JSON), answers everybody, prints `ready` and then who came. */
async function main(listening: readonly Listening[]): Promise<void> {
  await Promise.all(listening.flatMap((place) => [listenTcp(place), listenUdp(place)]));
  console.log('ready');
}

function tell(seen: Seen): void {
  console.log(JSON.stringify(seen));
}

async function listenTcp({ address, port }: Listening): Promise<void> {
  const server = createServer((socket) => {
    tell({ protocol: 'tcp', address, port, from: socket.remoteAddress ?? '' });
    socket.on('error', () => undefined);
    socket.end(GREETING);
  });
  server.listen({ host: address, port, ipv6Only: true });
  await once(server, 'listening');
}

async function listenUdp({ address, port }: Listening): Promise<void> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: isIPv6(address) });
  socket.on('message', (_message, from) => {
    tell({ protocol: 'udp', address, port, from: from.address });
    socket.send(GREETING, from.port, from.address);
  });
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '[]') as Listening[]);
