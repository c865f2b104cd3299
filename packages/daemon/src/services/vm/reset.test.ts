import { closeSync, openSync, readSync, readdirSync, writeFileSync } from 'node:fs';
import { BangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost } from './fake-host.suite.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

/** A VM that has written to both of its disks. */
async function used(start: boolean): Promise<VmView> {
  const vm = await host.vms.create(host.spec('box'), { start, waitInit: false }, never);
  const { rootDisk, workDisk } = host.layout.vm(vm.id);
  for (const disk of [rootDisk, workDisk]) writeFileSync(disk, 'wrecked');
  return vm;
}
const reset = (signal = never): Promise<VmView> => host.vms.reset('box', false, signal);

/** How the disks begin: `root` or `work` when they are as they were made. */
function disks({ id }: VmView): string[] {
  const { rootDisk, workDisk } = host.layout.vm(id);
  return [rootDisk, workDisk].map((path) => {
    const file = openSync(path, 'r');
    const begin = Buffer.alloc(7);
    readSync(file, begin);
    closeSync(file);
    return begin.toString().replace(/\0.*/, '');
  });
}

describe('reset', () => {
  test('gives a stopped VM a fresh root disk, keeps its work disk, and leaves it stopped', async () => {
    const vm = await used(false);
    host.onCall = () => undefined;
    expect(await reset()).toMatchObject({ state: 'stopped' });
    expect(disks(vm)).toEqual(['root', 'wrecked']);
  });

  test('stops one that runs, and starts it again', async () => {
    const vm = await used(true);
    expect(await reset()).toMatchObject({ state: 'running' });
    expect(host.deps.live.get(vm.id)?.vmm.handle.process.pid).not.toBe(vm.runtime?.pid);
    expect(disks(vm)).toEqual(['root', 'wrecked']);
  });

  test('mends a VM whose root disk does not start any more', async () => {
    const vm = await used(false);
    host.onCall = (call) => {
      if (call === 'check') throw new BangerError('file_damaged', 'It is damaged.');
    };
    await expect(host.vms.start('box', false, never)).rejects.toMatchObject({ code: 'file_damaged' });
    host.onCall = () => undefined;
    expect(await reset()).toMatchObject({ state: 'stopped', reason: '' });
    expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running' });
    expect(disks(vm)[0]).toBe('root');
  });

  test('that fails or is given up leaves the old root disk, whole, and the VM stopped', async () => {
    const vm = await used(true);
    host.onCall = (call) => {
      if (call === 'createRoot') throw new BangerError('disk_full', 'Full.');
    };
    await expect(reset()).rejects.toMatchObject({ code: 'disk_full' });
    expect(disks(vm)).toEqual(['wrecked', 'wrecked']);
    const caller = new AbortController();
    host.onCall = (call) => {
      if (call === 'createRoot') caller.abort();
    };
    await expect(reset(caller.signal)).rejects.toMatchObject({ code: 'cancelled' });
    expect(host.deps.vms.get(vm.id)).toMatchObject({ state: 'stopped', init: 'agent', startAgain: false });
    expect(disks(vm)).toEqual(['wrecked', 'wrecked']);
    expect(readdirSync(host.layout.vm(vm.id).directory)).not.toContain('.tmp');
  });

  test('fails before it stops anything when the image cannot be had', async () => {
    const vm = await used(true);
    host.deps.vms.update(vm.id, { spec: { ...vm.spec, image: 'gone' } });
    await expect(reset()).rejects.toMatchObject({ code: 'image_not_found' });
    expect(host.deps.vms.get(vm.id).state).toBe('running');
  });
});
