import { describe, expect, test } from 'vitest';
import {
  linkLocal,
  mainDefault,
  nowhere6,
  procNet,
  route6,
  trieDefault,
  type ProcNet,
} from './host-network-fixture.ts';
import { readHostNetwork, type HostNetwork, type ReadNet } from './host-network.ts';

const reading =
  (files: ProcNet): ReadNet =>
  (file) =>
    Promise.resolve(files[file]);
const networkOf = (files: Parameters<typeof procNet>[0]): Promise<HostNetwork> =>
  readHostNetwork(reading(procNet(files)));

describe('readHostNetwork', () => {
  test('of a host with both versions, several tables, and routes that lead nowhere', async () => {
    const host = await networkOf({
      route: [
        mainDefault('eth0'),
        '*\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0',
        'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      ],
      fibTrie: [
        'Id 200:',
        '  |-- 198.51.100.0',
        '     /24 universe UNICAST tos=4',
        '     /24 universe UNICAST',
        'Main:',
        '  +-- 0.0.0.0/0 3 0 4',
        '     +-- 0.0.0.0/4 2 0 2',
        '        |-- 0.0.0.0',
        '           /0 universe UNICAST',
        '        |-- 10.0.0.0',
        '           /8 universe BLACKHOLE',
        '     +-- 127.0.0.0/31 1 0 0',
        '        |-- 127.0.0.0',
        '           /8 host LOCAL',
        '     |-- 172.16.0.0',
        '        /12 universe UNREACHABLE',
        '     |-- 192.0.2.0',
        '        /24 link UNICAST',
        '        /32 link BROADCAST',
        '     |-- 203.0.113.0',
        '        /24 universe THROW',
        'Local:',
        '  |-- 203.0.113.0',
        '     /24 universe THROW',
      ],
      ipv6Route: [
        route6('fd97', 16, 'eth0'),
        nowhere6,
        route6('fd00', 64, 'eth0', '00000001'),
        route6('fd62', 16, 'lo', '00200200'),
        route6('', 0, 'eth0'),
        route6('fd000001000000000000000000000007', 128, 'eth0', '80200001'),
      ],
      ifInet6: [linkLocal('eth0'), '00000000000000000000000000000001 01 80 10 80       lo'],
    });
    expect(host).toEqual({
      ipv4: true,
      ipv6: true,
      template: 'eth0',
      taken: [
        { address: '198.51.100.0', bits: 24 },
        { address: '198.51.100.0', bits: 24 },
        { address: '127.0.0.0', bits: 8 },
        { address: '192.0.2.0', bits: 24 },
        { address: '192.0.2.0', bits: 32 },
        { address: 'fd97:0000:0000:0000:0000:0000:0000:0000', bits: 16 },
        { address: 'fd00:0000:0000:0000:0000:0000:0000:0000', bits: 64 },
        { address: 'fd00:0001:0000:0000:0000:0000:0000:0007', bits: 128 },
      ],
    });
  });

  test('of a host without any route: loopback is template enough', async () => {
    const none = { ipv4: false, ipv6: false, template: 'lo', taken: [] };
    expect(await networkOf({})).toEqual(none);
    expect(await networkOf({ ipv6Route: [nowhere6], ifInet6: [linkLocal('eth0')] })).toEqual(none);
  });

  test('a default route that leads nowhere is none', async () => {
    const host = await networkOf({
      route: [mainDefault('*')],
      fibTrie: ['Main:', '  |-- 0.0.0.0', '     /0 universe BLACKHOLE'],
    });
    expect(host).toMatchObject({ ipv4: false, template: 'lo' });
  });

  test('neither is one that leads to this host itself, as a transparent proxy has', async () => {
    const fibTrie = ['Id -294967296:', '  |-- 0.0.0.0', '     /0 host LOCAL'];
    expect(await networkOf({ fibTrie })).toMatchObject({ ipv4: false });
  });

  test('a default route of another table has no interface that the kernel tells', async () => {
    const fibTrie = ['Id 51820:', ...trieDefault.slice(1)];
    expect(await networkOf({ fibTrie })).toMatchObject({ ipv4: true, template: 'lo' });
  });

  test('IPv6 needs an interface with a link-local address, best the one of the default route', async () => {
    const routes = {
      route: [mainDefault('eth0')],
      fibTrie: trieDefault,
      ipv6Route: [route6('', 0, 'tun0')],
    };
    expect(await networkOf(routes)).toMatchObject({ ipv6: false, template: 'eth0' });
    expect(await networkOf({ ...routes, ifInet6: [linkLocal('docker0')] })).toMatchObject({
      ipv6: true,
      template: 'docker0',
    });
    expect(await networkOf({ ...routes, ifInet6: [linkLocal('lo')] })).toMatchObject({ ipv6: false });
    const ifInet6 = [linkLocal('lo'), linkLocal('docker0'), linkLocal('tun0')];
    expect(await networkOf({ ...routes, ifInet6 })).toMatchObject({ template: 'tun0' });
  });

  test.each(['route', 'fib_trie', 'ipv6_route', 'if_inet6'] as const)(
    '%s in words that are not understood, and one that cannot be read',
    async (file) => {
      const files = procNet({ route: [mainDefault('eth0')], fibTrie: trieDefault });
      const strange = { ...files, [file]: `${files[file]}what is this\n` };
      await expect(readHostNetwork(reading(strange))).rejects.toMatchObject({
        code: 'network_failed',
        message: expect.stringContaining(file),
        details: { line: 'what is this' },
      });
      const refused: ReadNet = (name) =>
        name === file ? Promise.reject(new Error('EACCES')) : Promise.resolve(files[name]);
      await expect(readHostNetwork(refused)).rejects.toMatchObject({ code: 'network_failed' });
    },
  );

  test('a route that belongs to no address', async () => {
    await expect(networkOf({ fibTrie: ['Main:', '     /0 universe UNICAST'] })).rejects.toMatchObject({
      code: 'network_failed',
    });
  });

  test("of this kernel: it has its own loopback's addresses", async () => {
    expect((await readHostNetwork()).taken).toContainEqual({ address: '127.0.0.1', bits: 32 });
  });
});
