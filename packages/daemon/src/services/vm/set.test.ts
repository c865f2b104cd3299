import { statSync, truncateSync } from 'node:fs';
import { BangerError } from '@banger/contract/error';
import type { VmSpecChange, VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost, until, type Call } from './fake-host.suite.ts';

const never = new AbortController().signal;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const make = (start: boolean): Promise<VmView> =>
  host.vms.create(host.spec('box'), { start, waitInit: false }, never);
const set = (change: VmSpecChange): Promise<VmView> => host.vms.set('box', change, never);
const specOf = ({ id }: VmView) => host.deps.vms.get(id).spec;
const sizeOf = (path: string): number => statSync(path).size;
/** Fails the call of that name. */
const failAt = (at: Call): void => {
  host.onCall = (call) => {
    if (call === at) throw new BangerError('vmm_failed', `No ${at}.`);
  };
};

describe('a stopped VM', () => {
  test('has what was set from its next start on', async () => {
    const vm = await make(false);
    const change = {
      ...{ vcpu: 3, memoryMib: 1024, diskBytes: 9 * GIB, rootBytes: 10 * GIB },
      outbound: false,
    };
    expect((await set(change)).spec).toMatchObject(change);
    const files = host.layout.vm(vm.id);
    expect(sizeOf(files.workDisk)).toBe(8 * GIB);

    await host.vms.start('box', false, never);
    expect(host.world.running[0]?.spec).toMatchObject({ vcpu: 3, memoryMib: 1024 });
    expect([sizeOf(files.workDisk), sizeOf(files.rootDisk)]).toEqual([9 * GIB, 10 * GIB]);
    expect(host.network.open).toEqual([]);
  });

  test('gets and loses its network card', async () => {
    await make(false);
    expect((await set({ network: 'none' })).spec).toMatchObject({ network: 'none', outbound: false });
    await host.vms.start('box', false, never);
    expect(host.world.running[0]?.spec.network).toEqual({ kind: 'none' });
    await host.vms.stop('box', false, never);
    await set({ network: 'user' });
    await host.vms.start('box', false, never);
    expect(host.network.open).toHaveLength(1);
  });

  test.each<[string, VmSpecChange]>([
    ['nothing at all', {}],
    ['no CPU', { vcpu: 0 }],
    ['a smaller disk', { diskBytes: GIB }],
    ['a disk that nobody has', { diskBytes: 2 ** 50 }],
    ['a way out without a network', { network: 'none', outbound: true }],
    ['one that is right and one that is not', { vcpu: 2, memoryMib: 1 }],
  ])('is not given %s', async (_what, change) => {
    const vm = await make(false);
    await expect(set(change)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(specOf(vm)).toEqual(vm.spec);
  });

  test('whose daemon was killed before the disk grew has it at its next start', async () => {
    const vm = await make(false);
    await set({ diskBytes: 9 * GIB });
    failAt('grow');
    await expect(host.vms.start('box', false, never)).rejects.toMatchObject({ code: 'vmm_failed' });
    await host.restart();
    host.onCall = () => undefined;
    await host.vms.start('box', false, never);
    expect(sizeOf(host.layout.vm(vm.id).workDisk)).toBe(9 * GIB);
  });
});

test.each([
  ['work', 'diskBytes'],
  ['root', 'rootBytes'],
] as const)(
  'a stopped VM whose %s disk is larger than its row says has the row say so from its next start on',
  async (which, key) => {
    const vm = await make(false);
    truncateSync(host.layout.vm(vm.id)[`${which}Disk`], 10 * GIB);
    expect((await host.vms.start('box', false, never)).spec[key]).toBe(10 * GIB);
    await host.vms.stop('box', false, never);
    await expect(set({ [key]: 9 * GIB })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(sizeOf(host.layout.vm(vm.id)[`${which}Disk`])).toBe(10 * GIB);
  },
);

test.each([
  ['work', 'diskBytes'],
  ['root', 'rootBytes'],
] as const)('a stopped VM whose %s disk is larger than any may be is not started', async (which, key) => {
  const vm = await make(false);
  truncateSync(host.layout.vm(vm.id)[`${which}Disk`], 2 * TIB);
  await expect(host.vms.start('box', false, never)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('2T') as string,
  });
  expect(specOf(vm)[key]).toBe(vm.spec[key]);
});

describe('a running VM', () => {
  test('has its work disk grown at once, and its guest told', async () => {
    const vm = await make(true);
    host.calls.length = 0;
    expect((await set({ diskBytes: 9 * GIB })).spec.diskBytes).toBe(9 * GIB);
    expect(host.calls).toEqual(['resize', 'configure']);
    expect(sizeOf(host.layout.vm(vm.id).workDisk)).toBe(9 * GIB);
    expect(host.deps.vms.get(vm.id)).toMatchObject({ state: 'running', warnings: [] });
  });

  test('has its way out closed and opened at once', async () => {
    await make(true);
    expect(host.network.open).toHaveLength(1);
    await set({ outbound: false });
    expect(host.network.open).toEqual([]);
    await set({ outbound: true });
    expect(host.network.open).toHaveLength(1);
  });

  test('refuses, as a whole, a change of which a part needs a stop, and says which', async () => {
    const vm = await make(true);
    host.calls.length = 0;
    await expect(
      set({ memoryMib: 1024, vcpu: 2, diskBytes: 9 * GIB, outbound: false }),
    ).rejects.toMatchObject({
      code: 'vm_state',
      message: expect.stringMatching(/its CPUs and memory can be changed only while it is stopped/),
      hint: expect.stringContaining('banger vm stop box'),
      details: { needStop: ['vcpu', 'memoryMib'] },
    });
    await expect(set({ network: 'none' })).rejects.toMatchObject({ code: 'vm_state' });
    await expect(set({ rootBytes: 9 * GIB })).rejects.toMatchObject({ code: 'vm_state' });
    expect(specOf(vm)).toEqual(vm.spec);
    expect(host.calls).toEqual([]);
    expect(host.network.open).toHaveLength(1);
  });

  test('takes what it has already, whatever it is', async () => {
    const vm = await make(true);
    expect((await set({ vcpu: vm.spec.vcpu, memoryMib: vm.spec.memoryMib })).spec).toEqual(vm.spec);
  });

  test('of which one part cannot be changed keeps all as it was', async () => {
    const vm = await make(true);
    failAt('resize');
    await expect(set({ diskBytes: 9 * GIB, outbound: false })).rejects.toMatchObject({ code: 'vmm_failed' });
    expect(specOf(vm)).toEqual(vm.spec);
    expect(host.network.open).toHaveLength(1);

    host.onCall = () => undefined;
    host.network.failNext(new BangerError('network_failed', 'It does not answer.'));
    await expect(set({ diskBytes: 9 * GIB, outbound: false })).rejects.toMatchObject({
      code: 'network_failed',
    });
    expect(specOf(vm)).toEqual(vm.spec);
    expect(sizeOf(host.layout.vm(vm.id).workDisk)).toBe(8 * GIB);
  });

  test('whose guest does not follow keeps the larger disk, and says when the guest will', async () => {
    const vm = await make(true);
    if (host.guest !== undefined) host.guest.silent = true;
    host.guest?.hangUp();
    await until(() => host.deps.live.get(vm.id)?.session === undefined);
    const { spec, warnings } = await set({ diskBytes: 9 * GIB });
    expect(spec.diskBytes).toBe(9 * GIB);
    expect(warnings).toEqual([expect.stringMatching(/grows at the next start/)]);
    expect(sizeOf(host.layout.vm(vm.id).workDisk)).toBe(9 * GIB);
  });

  test('whose daemon was killed between the row and the machine is brought to its row by the next one', async () => {
    const vm = await make(true);
    host.deps.vms.update(vm.id, { spec: { ...vm.spec, diskBytes: 9 * GIB, outbound: false } });
    await host.restart();
    await until(() => host.network.open.length === 0 && sizeOf(host.layout.vm(vm.id).workDisk) === 9 * GIB);
    await host.vms.delete('box');
  });

  test('whose work disk is larger than its row says has the row say so, and no warning', async () => {
    const vm = await make(true);
    truncateSync(host.layout.vm(vm.id).workDisk, 9 * GIB);
    host.deps.vms.update(vm.id, { spec: { ...vm.spec, outbound: false } });
    await host.restart();
    await until(() => host.network.open.length === 0 && !host.deps.locks.isBusy(vm.id));
    expect(host.deps.vms.get(vm.id)).toMatchObject({ spec: { diskBytes: 9 * GIB }, warnings: [] });
    expect(sizeOf(host.layout.vm(vm.id).workDisk)).toBe(9 * GIB);
  });

  test('whose work disk is larger than any may be keeps its row, and has a warning', async () => {
    const vm = await make(true);
    truncateSync(host.layout.vm(vm.id).workDisk, 2 * TIB);
    await host.restart();
    await until(() => host.deps.vms.get(vm.id).warnings.length > 0);
    expect(host.deps.vms.get(vm.id).warnings).toEqual([expect.stringContaining('diskBytes is 2T')]);
    expect(specOf(vm)).toEqual(vm.spec);
    expect(sizeOf(host.layout.vm(vm.id).workDisk)).toBe(2 * TIB);
  });

  test('that waits for room has its way out closed by the next daemon all the same', async () => {
    const vm = await make(true);
    host.world.fillDisk(vm.runtime?.pid ?? 0, 'work');
    await until(() => host.deps.vms.get(vm.id).state === 'paused');
    host.deps.vms.update(vm.id, { spec: { ...vm.spec, diskBytes: 9 * GIB, outbound: false } });
    await host.restart();
    await until(() => host.network.open.length === 0 && sizeOf(host.layout.vm(vm.id).workDisk) === 9 * GIB);
    expect(host.deps.vms.get(vm.id).state).toBe('paused');
  });

  test('whose network is gone says so after a restart of the daemon, and when it is to change', async () => {
    const vm = await make(true);
    const { network } = host.deps.live.get(vm.id)?.runtime ?? {};
    if (network === undefined) throw new Error('no network');
    host.network.end(network);
    await expect(set({ outbound: false })).rejects.toMatchObject({ code: 'network_failed' });
    await host.restart();
    await until(() => host.deps.vms.get(vm.id).warnings.length > 0);
    expect(host.deps.vms.get(vm.id).warnings).toEqual([
      expect.stringMatching(/network is gone.*vm restart box/),
    ]);
  });

  test('that waits for room on the host is not changed', async () => {
    const vm = await make(true);
    host.world.fillDisk(vm.runtime?.pid ?? 0, 'work');
    await until(() => host.deps.vms.get(vm.id).state === 'paused');
    await expect(set({ outbound: false })).rejects.toMatchObject({ code: 'vm_state' });
  });
});
