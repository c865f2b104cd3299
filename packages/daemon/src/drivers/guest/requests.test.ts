import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GuestConfiguration, GuestPort, GuestSession } from './driver.ts';
import { FakeGuest } from './fake/fake-guest.ts';
import { FieldReader } from './fields.ts';
import { MuxSession } from './mux-session.ts';
import { createGuestSession } from './session.ts';
import { createNonce, encodeHello, AnswerScanner } from './handshake.ts';

const listening: GuestPort[] = [
  { protocol: 'tcp', address: '0.0.0.0', port: 22, pid: 7, program: 'sshd' },
  { protocol: 'udp', address: '::1', port: 53 },
];

let guest: FakeGuest;
let session: GuestSession;

beforeEach(async () => {
  guest = new FakeGuest({
    hello: { configured: false },
    warnings: ['no \u001b[1mIPv6'],
    ports: () => listening,
  });
  const [near, far] = duplexPair();
  guest.connect(far);
  const nonce = createNonce();
  const scanner = new AnswerScanner(nonce);
  const { promise, resolve } = Promise.withResolvers<GuestSession>();
  let mux: MuxSession | undefined;
  near.on('data', (chunk: Buffer) => {
    if (mux !== undefined) {
      mux.receive(chunk);
      return;
    }
    const found = scanner.push(chunk);
    if (found === undefined) return;
    mux = new MuxSession(near);
    resolve(createGuestSession(mux, found.hello));
  });
  near.write(encodeHello(Buffer.alloc(32, 1), nonce));
  session = await promise;
});
afterEach(() => {
  session.close();
  guest.close();
  expect(guest.violations).toEqual([]);
});

test('configure says all as the document lays it down', async () => {
  const answer = await session.configure({
    hostname: 'box',
    timeNs: 1_700_000_000_000_000_001n,
    entropy: Buffer.alloc(32, 7),
    machineId: '0123456789abcdef0123456789abcdef',
    mac: '52:54:00:12:34:56',
    ipv4: { address: '10.0.2.15', prefixLength: 24, gateway: '10.0.2.2' },
    ipv6: { address: 'fd00::2', prefixLength: 64 },
    dns: ['10.0.2.3', 'fd00::3'],
    hosts: ['10.0.2.9 other'],
    files: [{ path: '/etc/x', mode: 0o600, uid: 1, gid: 2, content: Buffer.from('content') }],
    env: { A: '1', B: 'x=y' },
    grow: true,
    mtu: 1400,
  });
  expect(answer).toEqual({ warnings: ['no \ufffd[1mIPv6'] });
  const fields = new FieldReader(guest.state.configurations[0] ?? new Uint8Array(0), 'configure');
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
  const texts = (tag: number): string[] => fields.list(tag, 9).map((bytes) => Buffer.from(bytes).toString());
  expect(fields.text(0x01)).toBe('box');
  expect(fields.integer(0x02)).toBe(1_700_000_000_000_000_001n);
  expect(hex(fields.bytes(0x03))).toBe('07'.repeat(32));
  expect(fields.text(0x04)).toBe('0123456789abcdef0123456789abcdef');
  expect(hex(fields.bytes(0x05))).toBe('525400123456');
  expect(hex(fields.bytes(0x06))).toBe('0a00020f180a000202');
  expect(hex(fields.bytes(0x07))).toBe(`fd00${'0'.repeat(27)}240${'0'.repeat(32)}`);
  expect(texts(0x08)).toEqual(['10.0.2.3', 'fd00::3']);
  expect(texts(0x09)).toEqual(['10.0.2.9 other']);
  expect(texts(0x0b)).toEqual(['A=1', 'B=x=y']);
  expect([fields.has(0x0c), fields.number(0x0d)]).toEqual([true, 1400]);
  expect(guest.state.nodes.get('/etc/x')).toMatchObject({ mode: 0o600, uid: 1, gid: 2 });
});

test('an empty configuration changes nothing but the state', async () => {
  await session.configure({});
  expect(guest.state.configurations[0]).toHaveLength(0);
  expect(guest.hello.configured).toBe(true);
});

test.each<[string, GuestConfiguration, string]>([
  ['an address', { ipv4: { address: '10.0.2', prefixLength: 24 } }, 'is no IP address'],
  ['a family', { ipv4: { address: 'fd00::2', prefixLength: 24 } }, 'not of the family'],
  [
    'a gateway',
    { ipv4: { address: '10.0.2.15', prefixLength: 24, gateway: 'fd00::1' } },
    'not of the family',
  ],
  ['a prefix', { ipv4: { address: '10.0.2.15', prefixLength: 33 } }, 'is no prefix length'],
  ['a name server', { dns: ['dns.example'] }, 'is no IP address'],
  ['a MAC address', { mac: 'x' }, 'is no MAC address'],
  ['a machine id', { machineId: 'ABC' }, 'is no machine id'],
  ['a host name', { hostname: 'a\0b' }, 'NUL'],
])('configure refuses %s that cannot be', async (_name, configuration, message) => {
  await expect(session.configure(configuration)).rejects.toThrow(message);
  expect(guest.state.configurations).toEqual([]);
});

test('ports are as the guest tells', async () => {
  await session.configure({});
  expect(await session.ports()).toEqual(listening);
});

test('sync and the kinds of shutdown', async () => {
  await session.sync();
  for (const how of ['power-off', 'reboot', 'power-off-at-once'] as const) await session.shutdown(how);
  expect(guest.state.requests).toEqual(['sync', 'shutdown 1', 'shutdown 2', 'shutdown 3']);
});

test('a guest that has rebooted is unconfigured', async () => {
  await session.configure({});
  const { bootId } = guest.hello;
  guest.reboot();
  expect(guest.hello.configured).toBe(false);
  expect(guest.hello.bootId).not.toBe(bootId);
  expect(await session.closed).toMatchObject({ code: 'agent_lost' });
});
