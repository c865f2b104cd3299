import { duplexPair, type Duplex } from 'node:stream';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { speaks } from './probe-http.ts';
import { selfSigned } from './self-signed.suite.ts';

const never = new AbortController().signal;
/** Servers here answer at once or not at all. */
const PATIENCE_MS = 300;

/** A server in a guest: what it does with each connection. */
type Server = (connection: Duplex, count: number) => void;

async function probed(server: Server): Promise<{ service: string; connections: Duplex[] }> {
  const connections: Duplex[] = [];
  const dial = async (): Promise<Duplex> => {
    const [near, far] = duplexPair();
    far.on('error', () => undefined);
    connections.push(near);
    server(far, connections.length);
    return near;
  };
  const service = await speaks(dial, 'box.vm:80', never, PATIENCE_MS);
  return { service, connections };
}

const answering =
  (answer: string | Buffer): Server =>
  (connection) =>
    connection.once('data', () => connection.end(answer));

/** Speaks TLS, and says `answer` over it. */
const tls =
  (answer: string, options: TLSSocketOptions = {}): Server =>
  (connection) => {
    const secure = new TLSSocket(connection, { isServer: true, ...selfSigned, ...options });
    secure.on('error', () => connection.destroy());
    secure.once('data', () => secure.end(answer));
  };

const isTls = (bytes: Uint8Array): boolean => (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3;

test('a TLS library takes the greeting for one, and offers HTTP to the name', async () => {
  const asked = Promise.withResolvers<{ readonly servername: string; readonly protocols: string[] }>();
  const server: Server = (connection, count) => {
    if (count === 1) return connection.destroy();
    const secure = new TLSSocket(connection, {
      isServer: true,
      ...selfSigned,
      ALPNCallback: asked.resolve as TLSSocketOptions['ALPNCallback'],
    });
    return secure.on('error', () => connection.destroy());
  };
  expect((await probed(server)).service).toBe('https');
  expect(await asked.promise).toMatchObject({ servername: 'localhost', protocols: ['http/1.1'] });
});

const ok = 'HTTP/1.1 200 OK\r\n\r\n';

test.each<[string, Server, string]>([
  ['an answer', answering(ok), 'http'],
  ['HTTP/1.0, not found', answering('HTTP/1.0 404 Not Found\r\n\r\n'), 'http'],
  [
    'an answer byte by byte',
    (to) => to.once('data', () => Buffer.from(ok).forEach((byte) => to.write(Buffer.of(byte)))),
    'http',
  ],
  ['HTTP over TLS', tls(ok), 'https'],
  [
    'HTTP over TLS that answers plain text with 400',
    (to, count) => (count === 1 ? answering('HTTP/1.1 400 Bad Request\r\n\r\n') : tls(ok))(to, count),
    'https',
  ],
  ['HTTP that finds every request bad', answering('HTTP/1.1 400 Bad Request\r\n\r\n'), 'http'],
  [
    'TLS that only talks to who begins with it',
    (to) =>
      to.once('data', (d: Buffer) => (d[0] === 0x16 ? to.end(Buffer.from('160303', 'hex')) : to.destroy())),
    'https',
  ],
  ['TLS of this version only', tls(ok, { minVersion: 'TLSv1.3' }), 'https'],
  ['TLS of the last version only', tls(ok, { maxVersion: 'TLSv1.2' }), 'https'],
  ['a greeting of its own', (connection) => connection.write('SSH-2.0-OpenSSH_9.2\r\n'), 'tcp'],
  ['a hang-up', (connection) => connection.end(), 'tcp'],
  ['a reset', (connection) => connection.destroy(), 'tcp'],
  ['silence', () => undefined, 'tcp'],
  ['HTTP of another century', answering('HTTP/9.9 200 OK\r\n\r\n'), 'tcp'],
  ['a TLS alert for ever', answering(Buffer.from('150301', 'hex')), 'https'],
  ['half a TLS record', answering(Buffer.from('15', 'hex')), 'tcp'],
  ['a record of no TLS', answering(Buffer.from('160203', 'hex')), 'tcp'],
])('%s', async (_name, server, service) => {
  const found = await probed(server);
  expect(found.service).toBe(service);
  for (const connection of found.connections) expect(connection.destroyed).toBe(true);
});

test('a server that says so itself is not asked over TLS', async () => {
  expect((await probed((connection) => connection.write('220 mail\r\n'))).connections).toHaveLength(1);
});

test('output without end is not read', async () => {
  let written = 0;
  const { service } = await probed((connection) => {
    const more = (): void => {
      for (let room = true; room; written += 1) room = connection.write(Buffer.alloc(65_536, 'x'));
    };
    connection.on('drain', more);
    more();
  });
  expect(service).toBe('tcp');
  expect(written).toBeLessThan(20);
});

test('a connection that cannot be made', async () => {
  expect(await speaks(() => Promise.reject(new Error('refused')), 'x', never, PATIENCE_MS)).toBe('tcp');
});

test('whatever a server answers, it is told what it is', async () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(bytes, bytes, async (plain, secure) => {
      const { service } = await probed((connection, count) => connection.end(count === 1 ? plain : secure));
      expect(service).toBe([plain, secure].some(isTls) ? 'https' : 'tcp');
    }),
    { numRuns: 50 },
  );
});
