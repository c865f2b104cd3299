import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { BangerError } from '@banger/contract/error';
import { FakeNetwork } from './fake-network.ts';
import { describeNetworkDriver } from './network-driver.suite.ts';

// One fake for each test would forget what another instance prepared; a real driver finds it by its handle.
describeNetworkDriver('the fake', { make: () => new FakeNetwork(), nic: true });

describe('the fake network', () => {
  const spec = { vmId: 'a', dir: tmpdir(), logFile: '/nowhere', outbound: true, mac: '52:54:00:12:34:56' };

  test('notices a network that was not removed', async () => {
    const network = new FakeNetwork();
    const { handle } = await network.prepare(spec);
    await expect(network.prepare(spec)).rejects.toThrow('was not removed');
    await network.remove(handle);
    expect(network.running).toEqual([]);
  });

  test('fails once when told, and ends when told', async () => {
    const network = new FakeNetwork(['slow today']);
    network.failNext(new BangerError('network_failed', 'told so'));
    await expect(network.prepare(spec)).rejects.toThrow('told so');
    const { handle, warnings } = await network.prepare(spec);
    expect(warnings).toEqual(['slow today']);
    network.end(handle);
    expect(await network.status(handle)).toMatchObject({ up: false });
  });
});
