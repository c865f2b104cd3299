import { expect, test } from 'vitest';
import type { GuestPort } from '../../drivers/guest/driver.ts';
import { dialAddressOf, listenersOf } from './listeners.ts';

const tcp = (port: number, address: string, program?: string, pid?: number): GuestPort => ({
  protocol: 'tcp',
  address,
  port,
  ...(program === undefined ? {} : { program }),
  ...(pid === undefined ? {} : { pid }),
});

test('each listener is there once, in the order of ports', () => {
  const found = listenersOf('box', [
    tcp(8080, '0.0.0.0', 'node', 7),
    tcp(8080, '::', 'node', 7),
    tcp(8080, '::', 'node', 8),
    { protocol: 'udp', address: '0.0.0.0', port: 53, pid: 3, program: 'dnsmasq' },
    tcp(53, '127.0.0.1', 'dnsmasq', 3),
    tcp(53, '10.0.2.15', 'dnsmasq', 3),
  ]);
  expect(found).toEqual([
    {
      endpoint: 'box.vm:53',
      protocol: 'tcp',
      port: 53,
      pid: 3,
      program: 'dnsmasq',
      addresses: ['127.0.0.1', '10.0.2.15'],
    },
    { endpoint: 'box.vm:53', protocol: 'udp', port: 53, pid: 3, program: 'dnsmasq', addresses: ['0.0.0.0'] },
    {
      endpoint: 'box.vm:8080',
      protocol: 'tcp',
      port: 8080,
      pid: 7,
      program: 'node',
      addresses: ['0.0.0.0', '::'],
    },
  ]);
});

test('two programs that share a port on different addresses stay two', () => {
  const found = listenersOf('box', [
    tcp(80, '127.0.0.1', 'a', 1),
    tcp(80, '10.0.2.15', 'b', 2),
    tcp(80, '::1'),
  ]);
  expect(found.map(({ program, addresses }) => [program, addresses])).toEqual([
    ['a', ['127.0.0.1']],
    ['b', ['10.0.2.15']],
    [undefined, ['::1']],
  ]);
});

test.each([
  [['0.0.0.0'], 'localhost'],
  [['::'], 'localhost'],
  [['10.0.2.15', '::'], 'localhost'],
  [['127.0.0.53'], '127.0.0.53'],
  [['::1', '10.0.2.15'], '::1'],
])('%j is reached at %s', (addresses, address) => {
  expect(dialAddressOf({ endpoint: 'x', protocol: 'tcp', port: 1, addresses })).toBe(address);
});
