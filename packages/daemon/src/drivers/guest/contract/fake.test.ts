import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { expect } from 'vitest';
import { listenOnUnixSocket } from '@banger/testkit/unix-server';
import { FakeGuest } from '../fake/fake-guest.ts';
import { describeExecSize } from './exec-size.suite.ts';
import { describeGuest } from './guest.suite.ts';
import { fakeShell, type GuestUnderTest } from './harness.ts';
import { programs } from './programs.ts';
import { describeTrees } from './tree.suite.ts';

const FIRST_PID = 1000;
const ECONNREFUSED = 111;

const startFake = async (directory: string): Promise<GuestUnderTest> => {
  const socket = join(directory, 'channel');
  const refused = new Set<string>();
  const guest = new FakeGuest({
    hello: { configured: false },
    commands: { '/bin/sh': fakeShell(programs), '/etc/passwd': 'not-executable' },
    users: [String(process.getuid?.())],
    dial: (target) => {
      if (target.kind === 'udp') return dialUdp(target.host, target.port);
      const name = JSON.stringify(target);
      if (refused.has(name)) return ECONNREFUSED;
      const far =
        target.kind === 'unix' ? createConnection(target.path) : createConnection(target.port, target.host);
      far.once('close', () => refused.add(name));
      return far;
    },
  });
  const server = await listenOnUnixSocket(socket, (connection) => guest.connect(connection));
  return {
    socket,
    directory: '/tmp',
    isRunning: (pid) => guest.state.sessions.has(pid - FIRST_PID),
    close: async () => {
      expect(guest.violations).toEqual([]);
      guest.close();
      await server.close();
    },
  };
};

for (const describeAs of [describeGuest, describeTrees, describeExecSize]) describeAs('fake', startFake);

function dialUdp(host: string, port: number): Duplex {
  const socket = createSocket('udp4');
  const far = new Duplex({
    objectMode: true,
    read: () => undefined,
    write: (datagram: Uint8Array, _encoding, done) => socket.send(datagram, port, host, done),
    destroy: (error, done) => {
      socket.close();
      done(error);
    },
  });
  socket.on('message', (datagram) => far.push(datagram));
  return far;
}
