import { describe, expect, test } from 'vitest';
import { FakeRunner } from '@banger/testkit/fake-runner';
import { readHostNetwork } from './host-network.ts';

/** A runner that answers the three questions of `readHostNetwork`. */
function ipRunner(routes4: unknown, routes6: unknown, links: unknown): FakeRunner {
  const answer = (value: unknown) => ({ stdout: typeof value === 'string' ? value : JSON.stringify(value) });
  return new FakeRunner({ ip: '/usr/sbin/ip' })
    .expectRun(['ip', '-j', '-4', 'route', 'show', 'table', 'all'], answer(routes4))
    .expectRun(['ip', '-j', '-6', 'route', 'show', 'table', 'all'], answer(routes6))
    .expectRun(['ip', '-j', '-6', 'address', 'show', 'scope', 'link'], answer(links));
}

const linkLocal = (ifname: string) => ({ ifname, addr_info: [{ scope: 'link' }] });

describe('readHostNetwork', () => {
  test('of an ordinary host with both versions', async () => {
    const runner = ipRunner(
      [
        { dst: 'default', gateway: '192.0.2.1', dev: 'eth0', flags: [] },
        { dst: '192.0.2.0/24', dev: 'eth0' },
        { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local' },
        { type: 'blackhole', dst: '10.0.0.0/8' },
      ],
      [
        { dst: 'default', gateway: 'fd00::1', dev: 'eth0' },
        { dst: 'fd00::/64', dev: 'eth0' },
        { type: 'multicast', dst: 'ff00::/8', dev: 'eth0', table: 'local' },
      ],
      // `ip` prints an empty object for each interface that it leaves out.
      [{}, linkLocal('eth0')],
    );
    expect(await readHostNetwork(runner)).toEqual({
      ipv4: true,
      ipv6: true,
      template: 'eth0',
      taken: [
        { address: '192.0.2.0', bits: 24 },
        { address: '127.0.0.0', bits: 8 },
        { address: 'fd00::', bits: 64 },
      ],
    });
    runner.verify();
  });

  test('of a host without any route: loopback is template enough', async () => {
    const unreachable = [{ type: 'unreachable', dst: 'default', dev: 'lo', metric: 4294967295 }];
    expect(await readHostNetwork(ipRunner([], unreachable, []))).toMatchObject({
      ipv4: false,
      ipv6: false,
      template: 'lo',
    });
  });

  test('IPv6 needs an interface with a link-local address, best the one of the default route', async () => {
    const default4 = [{ dst: 'default', dev: 'eth0' }];
    const default6 = [{ dst: 'default', dev: 'tun0' }];
    expect(await readHostNetwork(ipRunner(default4, default6, []))).toMatchObject({
      ipv6: false,
      template: 'eth0',
    });
    expect(await readHostNetwork(ipRunner(default4, default6, [linkLocal('lo')]))).toMatchObject({
      ipv6: false,
    });
    expect(await readHostNetwork(ipRunner(default4, default6, [linkLocal('docker0')]))).toMatchObject({
      ipv6: true,
      template: 'docker0',
    });
    const both = [linkLocal('docker0'), linkLocal('tun0')];
    expect(await readHostNetwork(ipRunner(default4, default6, both))).toMatchObject({ template: 'tun0' });
  });

  test('an empty answer is no routes; another one that is no JSON is an error', async () => {
    expect(await readHostNetwork(ipRunner('', '', ''))).toMatchObject({ taken: [] });
    await expect(readHostNetwork(ipRunner('nonsense', '', ''))).rejects.toMatchObject({
      code: 'network_failed',
    });
    await expect(readHostNetwork(ipRunner({}, '', ''))).rejects.toMatchObject({ code: 'network_failed' });
  });

  test('without iproute2', async () => {
    await expect(readHostNetwork(new FakeRunner({}))).rejects.toMatchObject({ code: 'missing_tool' });
  });
});
