import type { Readable } from 'node:stream';
import type { DaemonEvent } from '@banger/contract/event';
import { eventSchema } from '@banger/contract/event';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchEvents } from './event-watch.ts';
import type { GuestPort } from '../drivers/guest/driver.ts';
import { FakeHost, until } from './vm/fake-host.suite.ts';
import { portEvents } from './vm/port-events.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const watch = (...vms: string[]): Readable =>
  watchEvents({ bus: host.bus, vms: host.deps.vms, operations: host.operations }, vms);

/** What the stream has to say now; each event in the shape that the contract gives. */
function read(stream: Readable): DaemonEvent[] {
  const text = (stream.read() as Buffer | null)?.toString() ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => eventSchema.parse(JSON.parse(line)));
}

const brief = (event: DaemonEvent): string =>
  'to' in event ? `${event.from} -> ${event.to}${event.phase && ` at ${event.phase}`}` : event.event;
const create = (name: string) => host.vms.create(host.spec(name), { start: true, waitInit: false }, never);

test('the whole life of a VM is told, in its order', async () => {
  const stream = watch();
  expect(read(stream)).toMatchObject([{ event: 'snapshot', vms: [], operations: [] }]);
  await create('box');
  await host.vms.stop('box', false, never);
  await host.vms.start('box', false, never);
  await host.vms.kill('box', 'SIGKILL', never);
  await host.vms.delete('box');
  const told = read(stream).map(brief);
  // Fetched side by side.
  expect(told.filter((each) => each.endsWith('.added')).toSorted()).toEqual(['image.added', 'kernel.added']);
  expect(told.filter((each) => !each.endsWith('.added'))).toEqual([
    'vm.made',
    'creating -> stopped',
    'stopped -> starting',
    'starting -> running',
    'running -> stopping',
    'stopping -> stopped',
    'stopped -> starting',
    'starting -> running',
    'running -> stopping',
    'stopping -> stopped',
    'stopped -> stopped at delete',
    'vm.deleted',
  ]);
});

test('of one VM, known or yet to come, nothing else is told; the snapshot says how it stands', async () => {
  await create('box');
  const [byName, byPrefix, later] = [watch('box'), watch('bo'), watch('web')];
  for (const stream of [byName, byPrefix])
    expect(read(stream)).toMatchObject([{ event: 'snapshot', vms: [{ vm: 'box', state: 'running' }] }]);
  expect(read(later)).toMatchObject([{ event: 'snapshot', vms: [] }]);
  await create('web');
  const request = {
    id: 'aa11',
    method: 'vm.stop',
    signal: never,
    progress: () => undefined,
    detached: false,
  };
  await host.operations.run({ ...request, on: { kind: 'vm', name: 'box' } }, (signal) =>
    host.vms.stop('box', false, signal),
  );
  for (const stream of [byName, byPrefix])
    expect(read(stream).map(brief)).toEqual([
      'operation.begun',
      'running -> stopping',
      'stopping -> stopped',
      'operation.ended',
    ]);
  expect(read(later).map(brief)).toEqual([
    'vm.made',
    'creating -> stopped',
    'stopped -> starting',
    'starting -> running',
  ]);
});

test('changes of what a VM is to be are told, and none where nothing was changed', async () => {
  await create('box');
  const stream = watch('box');
  read(stream);
  await host.vms.set('box', { outbound: false }, never);
  await host.vms.protect('box', true, never);
  await host.vms.protect('box', false, never);
  await host.vms.protect('box', false, never);
  expect(read(stream)).toMatchObject([1, 2, 3].map(() => ({ event: 'vm.changed', vm: 'box' })));
});

test('an agent that falls silent while its VM runs is told of, and one that answers again', async () => {
  const { id } = await create('box');
  const stream = watch('box');
  read(stream);
  const live = host.deps.live.get(id);
  host.guest?.close();
  await until(() => live?.agent.state === 'silent');
  await until(() => live?.agent.state === 'ready');
  expect(read(stream)).toMatchObject([
    { event: 'vm.agent', vm: 'box', agent: 'silent', reason: expect.stringMatching(/./) as string },
    { event: 'vm.agent', vm: 'box', agent: 'ready', reason: '' },
  ]);
});

test('ports that open and close while somebody reads are told, with who did it; of those of before nothing', async () => {
  const node = { protocol: 'tcp', address: '0.0.0.0', port: 8080, pid: 7, program: 'node' } as const;
  const dns = { protocol: 'udp', address: '::', port: 53 } as const;
  let listening: GuestPort[] = [node];
  host.guestOptions = { ports: () => listening };
  await create('box');
  const chore = portEvents(host.deps);
  const round = (): Promise<unknown> => chore.run(never);
  // Nobody reads: no guest is asked.
  await round();
  const stream = watch('box');
  read(stream);
  await round();
  expect(read(stream)).toEqual([]);
  listening = [{ ...node, address: '::', pid: 8 }, dns];
  await round();
  await round();
  expect(read(stream)).toMatchObject([{ event: 'port.opened', vm: 'box', protocol: 'udp', port: 53 }]);
  listening = [];
  host.guest!.silent = true;
  const slow = round();
  host.guest!.hangUp();
  await slow;
  host.guest!.silent = false;
  await until(() => [...host.deps.live.values()].every(({ agent }) => agent.state === 'ready'));
  read(stream);
  await round();
  expect(read(stream)).toMatchObject([
    { event: 'port.closed', port: 53 },
    { event: 'port.closed', port: 8080, program: 'node', endpoint: 'box.vm:8080' },
  ]);
  listening = [node];
  await host.vms.restart('box', false, never);
  read(stream);
  await round();
  expect(read(stream)).toMatchObject([{ event: 'port.opened', port: 8080 }]);
});

test('a beginning that several VMs share is refused', async () => {
  await create('box-a');
  await create('box-b');
  expect(() => watch('box')).toThrow(expect.objectContaining({ code: 'name_ambiguous' }));
});
