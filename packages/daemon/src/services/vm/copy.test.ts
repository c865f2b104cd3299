import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { encodeRecord, recordKind, type TreeRecord } from '@banger/contract/tree-record';
import { FrameEncoder } from '@banger/rpc/frame-codec';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost } from './fake-host.suite.ts';

const never = new AbortController().signal;
const format = { kinds: new Set<number>(Object.values(recordKind)), maxPayloadBytes: 65_536 };

let host: FakeHost;
let vm: VmView;
beforeEach(async () => {
  host = await FakeHost.make();
  vm = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
});
afterEach(() => host.close());

const file: TreeRecord[] = [
  { kind: 'file', name: '', mode: 0o600, mtimeNs: 5n, size: 2 },
  { kind: 'content', bytes: Buffer.from('hi') },
  { kind: 'end' },
];
const tree = (records: readonly TreeRecord[]): Readable =>
  Readable.from(records.map(encodeRecord)).pipe(new FrameEncoder(format));
const copyIn = async (path: string, records = file) =>
  (await host.vms.copyIn({ vm: 'box', path, into: false }))(tree(records), never);

test('a file goes in and comes out as it was', async () => {
  await copyIn('/root/f');
  expect(host.guest?.state.nodes.get('/root/f')).toMatchObject({ kind: 'file', mode: 0o600, mtimeNs: 5n });
  const { bytes } = await host.vms.copyOut({ vm: 'box', path: '/root/f', follow: false }, never);
  expect(await buffer(bytes)).toEqual(await buffer(tree(file)));
});

test('the guest says what it cannot do', async () => {
  await expect(copyIn('/no/f')).rejects.toMatchObject({ code: 'guest_failed', details: { errno: 'ENOENT' } });
  await expect(host.vms.copyOut({ vm: 'box', path: '/no', follow: false }, never)).rejects.toMatchObject({
    code: 'guest_failed',
  });
});

test('a path that cannot be is refused here', async () => {
  for (const path of ['relative', '/a\0b']) {
    const refused = { code: 'invalid_argument' };
    await expect(host.vms.copyIn({ vm: 'box', path, into: false })).rejects.toMatchObject(refused);
    await expect(host.vms.copyOut({ vm: 'box', path, follow: false }, never)).rejects.toMatchObject(refused);
  }
  for (const name of ['.', '..', 'a/b'])
    await expect(host.vms.copyIn({ vm: 'box', path: '/', into: false, name })).rejects.toThrow(
      /one component/,
    );
});

test('a VM that does not run is told before anything is sent', async () => {
  await host.vms.stop('box', false, never);
  await expect(host.vms.copyIn({ vm: 'box', path: '/f', into: false })).rejects.toMatchObject({
    code: 'vm_not_running',
  });
});

test('a VM that ends under a copy is the reason that is told', async () => {
  const endless = new Readable({ read: () => undefined });
  const take = await host.vms.copyIn({ vm: 'box', path: '/root/f', into: false });
  const copying = take(endless, never);
  copying.catch(() => undefined);
  const [running] = host.world.running;
  if (running === undefined) throw new Error('no VMM');
  host.world.die(running.pid, 'SIGKILL');
  host.guest?.hangUp();
  await expect(copying).rejects.toMatchObject({
    code: 'vmm_gone',
    message: expect.stringContaining('ended while the copy was at work'),
  });
  expect(host.deps.vms.get(vm.id).state).toBe('error');
});
