import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, stoppedVm, vmView } from '../../fake-daemon.suite.ts';
import { fakeMachine, run } from '../../fake-machine.suite.ts';

const GIB = 1024 ** 3;
const vms = [vmView({ name: 'web' }), stoppedVm({ name: 'db' })];
const named = (id: string) => vms.find((vm) => vm.id === id) ?? vmView();

describe('vm set', () => {
  const daemon = (): FakeDaemon =>
    new FakeDaemon({
      'vm.list': () => vms,
      'vm.set': ({ vm, change }) => {
        if (named(vm).state === 'running' && change.memoryMib !== undefined)
          throw new BangerError('vm_state', 'web is running: its memory cannot be changed.');
        return named(vm);
      },
    });

  test.each([
    ['--vcpu 4', { vcpu: 4 }],
    ['--memory 2G', { memoryMib: 2048 }],
    ['--disk-size 16G --root-size 9G', { diskBytes: 16 * GIB, rootBytes: 9 * GIB }],
    ['--network none', { network: 'none' }],
    ['--nat', { outbound: true }],
    ['--no-nat', { outbound: false }],
  ])('%s', async (flags, change) => {
    const client = daemon();
    expect(await run(`vm set ${flags} db`, fakeMachine({ client }))).toEqual({
      status: 0,
      out: 'db: changed, from its next start on\n',
      err: '',
    });
    expect(client.paramsOf('vm.set')).toEqual({ vm: 'id-db', change });
  });

  test('of several VMs tells which could not be changed', async () => {
    const ran = await run('vm set --memory 1G web db', fakeMachine({ client: daemon() }));
    expect(ran).toMatchObject({ status: 1, out: 'db: changed, from its next start on\n' });
    expect(ran.err).toContain('error[vm_state]: web is running: its memory cannot be changed.');
    const both = await run('vm set --no-nat web db --json', fakeMachine({ client: daemon() }));
    expect(JSON.parse(both.out)).toMatchObject([
      { name: 'web', ok: true, state: 'changed' },
      { name: 'db', ok: true },
    ]);
  });

  test.each(['vm set box', 'vm set --memory lots box', 'vm set --vcpu 0 box', 'vm set --vcpu 2'])(
    '%s is refused before the daemon is asked',
    async (line) => {
      const client = daemon();
      expect(await run(line, fakeMachine({ client }))).toMatchObject({ status: 2, out: '' });
      expect(client.methods).toEqual([]);
    },
  );
});

test.each([
  ['vm reset web', 'vm.reset', { vm: 'id-web', waitInit: false }, 'web: running, with a fresh root disk\n'],
  [
    'vm reset --wait init db',
    'vm.reset',
    { vm: 'id-db', waitInit: true },
    'db: stopped, with a fresh root disk\n',
  ],
  ['vm protect web', 'vm.protect', { vm: 'id-web', protected: true }, 'web: protected\n'],
  ['vm unprotect web', 'vm.protect', { vm: 'id-web', protected: false }, 'web: no longer protected\n'],
])('%s', async (line, method, params, out) => {
  const client = new FakeDaemon({
    'vm.list': () => vms,
    'vm.reset': ({ vm }) => named(vm),
    'vm.protect': ({ vm }) => named(vm),
  });
  expect(await run(line, fakeMachine({ client }))).toEqual({ status: 0, out, err: '' });
  expect(client.paramsOf(method)).toEqual(params);
});

test('a protected VM is marked where VMs are shown', async () => {
  const vm = stoppedVm({ protected: true, reason: 'The guest powered off.' });
  const client = new FakeDaemon({ 'vm.list': () => [vm], 'vm.show': () => vm });
  expect((await run('ps', fakeMachine({ client }))).out).toContain('protected; The guest powered off.');
  expect((await run('vm show box', fakeMachine({ client }))).out).toMatch(/Protected +yes/);
  expect(JSON.parse((await run('ps --json', fakeMachine({ client }))).out)).toMatchObject([
    { protected: true },
  ]);
});
