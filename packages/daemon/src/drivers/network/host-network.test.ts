import { describe, expect, test } from 'vitest';
import { FakeRunner } from '@banger/testkit/fake-runner';
import { readHostNetwork } from './host-network.ts';

/** A runner that answers the questions of `readHostNetwork`. */
function ipRunner(...answers: readonly unknown[]): FakeRunner {
  const lines = answers.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  return new FakeRunner({ ip: '/usr/sbin/ip' }).expectRun(['ip', '-j', '-batch', '-'], {
    stdout: lines.join('\n'),
  });
}

const linkLocal = (ifname: string) => ({ ifname, addr_info: [{}, { family: 'inet6', scope: 'link' }] });

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

  test('no routes at all are no error, an answer that is not one to each question is', async () => {
    expect(await readHostNetwork(ipRunner([], [], []))).toMatchObject({ taken: [] });
    for (const wrong of [['nonsense', [], []], [{}, [], []], [[], []], ['']])
      await expect(readHostNetwork(ipRunner(...wrong))).rejects.toMatchObject({ code: 'network_failed' });
  });

  test('an IPv4 address of link scope is no IPv6', async () => {
    const links = [{ ifname: 'eth0', addr_info: [{ family: 'inet', scope: 'link' }] }];
    const defaults = [{ dst: 'default', dev: 'eth0' }];
    expect(await readHostNetwork(ipRunner(defaults, defaults, links))).toMatchObject({ ipv6: false });
  });

  test('without iproute2', async () => {
    await expect(readHostNetwork(new FakeRunner({}))).rejects.toMatchObject({ code: 'missing_tool' });
  });
});
