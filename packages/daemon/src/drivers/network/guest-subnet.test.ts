import { describe, expect, test } from 'vitest';
import { chooseIpv4, chooseIpv6 } from './guest-subnet.ts';
import { parsePrefix } from './prefix.ts';

const routes = (...list: string[]) => list.map((text) => parsePrefix(text) ?? expect.fail(text));

describe('the subnet of a VM', () => {
  test('is the usual one of user-mode networks where nothing is in its way', () => {
    expect(chooseIpv4(routes('192.168.1.0/24', '127.0.0.0/8', 'fd00::/64'))).toEqual({
      address: '10.0.2.15',
      prefixLength: 24,
      gateway: '10.0.2.2',
      dns: '10.0.2.3',
    });
    expect(chooseIpv6(routes('fd00::/64', '10.0.2.0/24'))).toMatchObject({
      gateway: 'fd62:616e:6765:7200::2',
      prefixLength: 64,
    });
  });

  test.each([
    [['10.0.2.0/24'], '172.31.254.15'],
    [['10.0.2.200/32'], '172.31.254.15'],
    [['10.0.0.0/8'], '172.31.254.15'],
    [['10.0.0.0/8', '172.16.0.0/12'], '192.168.254.15'],
    [['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'], '100.127.254.15'],
    [['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'], '198.18.254.15'],
  ])('gives way to the routes %j', (taken, address) => {
    expect(chooseIpv4(routes(...taken)).address).toBe(address);
  });

  test('is refused when the host has routes to all of them', () => {
    expect(() => chooseIpv4(routes('0.0.0.0/1', '128.0.0.0/1'))).toThrow(
      expect.objectContaining({ code: 'network_failed', hint: expect.stringContaining('ip route') }),
    );
  });

  test('is left out for IPv6 when there is none', () => {
    expect(chooseIpv6(routes('fd62:616e:6765:7200::/64'))?.address).toBe('fd97:616e:6765:7200::f');
    expect(chooseIpv6(routes('fc00::/7'))).toBeUndefined();
  });
});
