import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { GcReport } from '@banger/contract/gc';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { layoutOf } from '../../domain/layout.ts';
import type { VmSpec } from '../../drivers/vmm/driver.ts';
import { withoutLocks } from '../lock-order.ts';
import { FakeHost, type Call } from '../vm/fake-host.suite.ts';
import { MIN_AGE_MS } from './collect.ts';
import { GcService } from './service.ts';

const never = new AbortController().signal;
/** A VM that there is not. */
const GONE = '0123456789ab';

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const create = (name: string, start = true): Promise<VmView> =>
  host.vms.create(host.spec(name), { start, waitInit: false }, never);
const look = (laterMs = MIN_AGE_MS): Promise<GcReport> => host.gc(laterMs).run(true, never);
const clean = { orphans: [], unseen: [], ok: true };

/** A VMM past the ledger. */
function strayVmm(id: string, token = 'astray'): void {
  const { directory, runtime, console } = host.layout.vm(id);
  host.world.start({
    id,
    token,
    dir: runtime,
    consoleLog: console,
    vmmLog: directory,
    disks: [],
  } as unknown as VmSpec);
}

/** Directories of a VM past the ledger. */
async function strayRuntime(id: string): Promise<string> {
  const { runtime, runtimeOwner } = host.layout.vm(id);
  await mkdir(runtime, { recursive: true });
  await symlink(host.layout.database, runtimeOwner);
  return runtime;
}

async function file(...path: string[]): Promise<() => boolean> {
  const at = join(...path);
  await mkdir(join(at, '..'), { recursive: true });
  await writeFile(at, '');
  return () => existsSync(at);
}

async function directory(...path: string[]): Promise<() => boolean> {
  const at = join(...path);
  await mkdir(join(at, 'x'), { recursive: true });
  return () => existsSync(at);
}

/** A thing that is there and nobody's, planted; the answer tells whether it is still there. */
interface Plant {
  readonly kind: string;
  readonly vm: string;
  readonly plant: () => Promise<() => boolean>;
}

const runs = (token: string) => (): boolean => host.world.running.some(({ spec }) => spec.token === token);

const plants: Readonly<Record<string, Plant>> = {
  'the VMM of a VM that is gone': {
    ...{ kind: 'vmm', vm: GONE },
    plant: async () => {
      strayVmm(GONE);
      return runs('astray');
    },
  },
  'a second VMM of a VM that runs': {
    ...{ kind: 'vmm', vm: 'box' },
    plant: async () => {
      strayVmm((await create('box')).id);
      return runs('astray');
    },
  },
  'the VMM of a VM that is stopped': {
    ...{ kind: 'vmm', vm: 'box' },
    plant: async () => {
      strayVmm((await create('box', false)).id);
      return runs('astray');
    },
  },
  'a network': {
    ...{ kind: 'network', vm: GONE },
    plant: async () => {
      const dir = await strayRuntime(GONE);
      const spec = { vmId: GONE, dir, logFile: '', outbound: true, mac: '02:00:00:00:00:01' };
      await host.network.prepare(spec);
      return () => host.network.running.length > 0;
    },
  },
  'the sockets of a VM that is gone': {
    ...{ kind: 'runtime', vm: GONE },
    plant: async () => {
      const runtime = await strayRuntime(GONE);
      return file(runtime, 'qmp.sock');
    },
  },
  'the sockets of a VM that is stopped': {
    ...{ kind: 'runtime', vm: 'box' },
    plant: async () => {
      const runtime = await strayRuntime((await create('box', false)).id);
      return () => existsSync(runtime);
    },
  },
  'the disks of a VM that is gone': {
    ...{ kind: 'directory', vm: GONE },
    plant: () => file(host.layout.vm(GONE).rootDisk),
  },
  'an entry of the ledger, with what it tells of': {
    ...{ kind: 'ledger', vm: GONE },
    plant: async () => {
      const { directory: path, rootDisk } = host.layout.vm(GONE);
      await host.deps.ledger.make(GONE, 'directory', { path }, () => mkdir(path, { recursive: true }));
      return file(rootDisk);
    },
  },
  'an entry of the ledger that tells of nothing': {
    ...{ kind: 'ledger', vm: GONE },
    plant: async () => {
      await host.deps.ledger.make(GONE, 'vmm', { token: 'none' }, () => Promise.resolve());
      return () => host.ledger.includes('vmm');
    },
  },
  'the record of a run of a VM that is stopped': {
    ...{ kind: 'run', vm: 'box' },
    plant: async () => {
      const running = await create('box');
      const run = host.deps.runtimes.find(running.id);
      await host.vms.stop('box', false, never);
      if (run !== undefined) host.deps.runtimes.set(running.id, run);
      return () => host.deps.runtimes.find(running.id) !== undefined;
    },
  },
  'a half-made image': {
    ...{ kind: 'staging', vm: '' },
    plant: () => directory(host.layout.images, '.staging-debian.0123456789ab'),
  },
  'a half-removed kernel': {
    ...{ kind: 'staging', vm: '' },
    plant: () => directory(host.layout.kernels, '.removing-debian.0123456789ab'),
  },
  'a half-written file of the state': {
    ...{ kind: 'file', vm: '' },
    plant: () => file(host.layout.paths.state, '.bangerd.json.0123456789ab.tmp'),
  },
  'a half-written verdict': {
    ...{ kind: 'file', vm: '' },
    plant: () => file(host.layout.paths.cache, '.kvm-verdict.json.0123456789ab.tmp'),
  },
  'a half-written manifest': {
    ...{ kind: 'file', vm: '' },
    plant: () => file(host.layout.kernels, 'debian', '.manifest.json.0123456789ab.tmp'),
  },
  'a half-written disk': {
    ...{ kind: 'file', vm: 'box' },
    plant: async () => {
      const { directory: path } = host.layout.vm((await create('box', false)).id);
      return file(path, '.root.qcow2.0123456789ab.tmp');
    },
  },
};

describe.each(Object.entries(plants))('%s', (_name, { kind, vm, plant }) => {
  test('is left while it is young, listed when it is asked for, then removed', async () => {
    const isThere = await plant();
    expect(await look(0)).toEqual(clean);
    const listed = await look();
    const [owner] = host.deps.vms.list();
    const expected = {
      kind,
      ...(vm === 'box' ? { vm: owner?.id, vmName: 'box' } : { vm, vmName: '' }),
      since: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      reason: '',
    };
    const isIt = expect.objectContaining({ ...expected, outcome: 'found' }) as unknown;
    expect(listed).toMatchObject({ unseen: [], ok: true });
    expect(listed.orphans).toContainEqual(isIt);
    expect(await look()).toEqual(listed);
    expect(isThere()).toBe(true);

    const removed = await host.gc(MIN_AGE_MS).run(false, never);
    expect(removed.ok).toBe(true);
    expect(removed.orphans).toEqual(listed.orphans.map((orphan) => ({ ...orphan, outcome: 'removed' })));
    expect(isThere()).toBe(false);
    expect(await look()).toEqual(clean);
  });
});

test('what has a date of the future, from before the clock was set back, is old enough', async () => {
  const isThere = await file(host.layout.paths.state, '.x.0123456789ab.tmp');
  const nextYear = new Date(Date.now() + 365 * 86_400_000);
  await utimes(join(host.layout.paths.state, '.x.0123456789ab.tmp'), nextYear, nextYear);
  expect((await host.gc().run(false, never)).orphans).toMatchObject([{ kind: 'file', outcome: 'removed' }]);
  expect(isThere()).toBe(false);
});

describe("what is somebody's", () => {
  test('is no orphan: VMs that run, that are stopped, that failed', async () => {
    await create('runs');
    await create('off', false);
    await create('offline');
    await host.vms.stop('offline', false, never);
    host.onCall = (call) => {
      if (call === 'launch') throw new BangerError('vmm_failed', 'Not today.');
    };
    await expect(create('failed')).rejects.toThrow('Not today.');
    expect(await look()).toEqual(clean);
    await host.restart();
    expect(await look()).toEqual(clean);
  });

  test('are the disks of a VM, whatever the ledger says', async () => {
    const { directory: disks } = host.layout.vm((await create('box', false)).id);
    await rename(disks, `${disks}.aside`);
    for (const entry of host.deps.ledger.entries()) await host.deps.ledger.removeEntry(entry);
    await rename(`${disks}.aside`, disks);
    expect(await look()).toEqual(clean);
  });

  test('of another state is not even looked at, though it shares our directory of sockets', async () => {
    const view = await create('theirs');
    await rm(join(host.directory, 'other'), { recursive: true, force: true });
    const paths = { ...host.layout.paths, state: join(host.directory, 'other'), cache: '/nowhere' };
    const layout = layoutOf(paths, paths.run);
    const nobody = { list: () => [], find: () => undefined };
    const deps = {
      ...host.deps,
      layout,
      clock: { ...host.clock, now: () => Date.now() + MIN_AGE_MS },
      vms: nobody,
      ledger: { entries: () => [] },
      runtimes: { owners: () => [] },
    } as unknown as FakeHost['deps'];
    const none = { leftovers: () => Promise.resolve([]) };
    const other = new GcService(deps, { images: none, kernels: none, blobs: none, links: none });
    expect(await other.run(false, never)).toEqual(clean);
    expect(await host.vms.show('theirs')).toMatchObject({ state: 'running', id: view.id });
    expect(existsSync(host.layout.vm(view.id).runtime)).toBe(true);
  });

  test('is not what has another name than ours', async () => {
    await directory(host.layout.vms, 'backup');
    await file(host.layout.vms, 'notes');
    await file(host.layout.paths.state, '.notes.tmp');
    await directory(host.layout.images, '.trash');
    await directory(host.layout.runtimes, GONE);
    await symlink('/etc', join(host.layout.vms, GONE));
    expect(await look()).toEqual(clean);
  });
});

describe('a call at work', () => {
  const calls: readonly Call[] = [
    ...([
      'build',
      'createRoot',
      'createWork',
      'probe',
      'network',
      'launch',
      'launched',
      'configure',
    ] as const),
  ];

  test.each(calls)('that has come to %s keeps all that it makes', async (at) => {
    const seen: GcReport[] = [];
    host.onCall = async (call) => {
      if (call !== at) return;
      seen.push(await host.gc(MIN_AGE_MS).run(false, never), await host.gc(MIN_AGE_MS).reap(never));
    };
    expect(await create('box')).toMatchObject({ state: 'running', runtime: { agent: 'ready' } });
    expect(seen).toEqual([clean, clean]);
    await host.vms.delete('box');
    expect(await look()).toEqual(clean);
  });

  test('that writes a disk keeps the file in which it does', async () => {
    let isThere = (): boolean => false;
    host.onCall = async (call) => {
      const [row] = host.deps.vms.list();
      if (call !== 'createWork' || row === undefined) return;
      isThere = await file(host.layout.vm(row.id).directory, '.work.ext4.0123456789ab.tmp');
      expect(await look()).toEqual(clean);
      expect(await host.gc(MIN_AGE_MS).run(false, never)).toEqual(clean);
    };
    await create('box', false);
    expect(isThere()).toBe(true);
    expect((await look()).orphans).toMatchObject([{ kind: 'file', vmName: 'box' }]);
  });

  test('of any kind loses nothing and leaves nothing, with a collector beside it all the time', async () => {
    let done = false;
    const seen: GcReport[] = [];
    const collector = (async () => {
      while (!done) {
        seen.push(await host.gc(MIN_AGE_MS).run(false, never));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 5; round += 1) {
      await create('box');
      await host.vms.restart('box', false, never);
      await host.vms.stop('box', false, never);
      await host.vms.start('box', false, never);
      expect(await host.vms.kill('box', 'SIGKILL', never)).toMatchObject({ state: 'stopped' });
      expect(await host.vms.delete('box')).toMatchObject({ leftOver: [] });
    }
    done = true;
    await collector;
    expect(seen.length).toBeGreaterThan(5);
    expect(new Set(seen.flatMap(({ orphans }) => orphans))).toEqual(new Set());
    expect(await look()).toEqual(clean);
  });

  test('that ends in the middle of a look was no orphan', async () => {
    await create('box');
    const find = host.deps.vmm.find.bind(host.deps.vmm);
    host.deps.vmm.find = async (below) => {
      const found = await find(below);
      await host.vms.stop('box', false, never);
      return found;
    };
    expect(await look()).toEqual(clean);
  });

  test.each(['is at work', 'has ended'])(
    'that begins after the look is not touched when a removal comes to what it made, be it that it %s',
    async (when) => {
      const { id } = await create('box', false);
      const runtime = await strayRuntime(id);
      const gc = host.gc(MIN_AGE_MS);
      // The first of its removals: by then all has been looked at.
      strayVmm(GONE);
      const remove = host.deps.vmm.remove.bind(host.deps.vmm);
      let start: Promise<unknown> | undefined;
      host.deps.vmm.remove = async (token, handle) => {
        await remove(token, handle);
        start ??= withoutLocks(() => host.vms.start('box', false, never));
        if (when === 'has ended') await start;
      };
      expect((await gc.run(false, never)).orphans.map(({ kind }) => kind)).toEqual(['vmm']);
      expect(await start).toMatchObject({ state: 'running' });
      expect(existsSync(runtime)).toBe(true);
    },
  );
});

describe('what cannot be done', () => {
  test('is told for that orphan, and keeps no other from being removed', async () => {
    strayVmm(GONE);
    const isThere = await file(host.layout.paths.state, '.x.0123456789ab.tmp');
    host.deps.vmm.remove = () => Promise.reject(new BangerError('vmm_failed', 'It still runs.'));
    const report = await host.gc(MIN_AGE_MS).run(false, never);
    expect(report.ok).toBe(false);
    expect(report.orphans).toMatchObject([
      { kind: 'vmm', outcome: 'failed', reason: 'It still runs.' },
      { kind: 'file', outcome: 'removed', reason: '' },
    ]);
    expect(isThere()).toBe(false);
  });

  test('is told for what cannot be looked at', async () => {
    await file(host.layout.vms);
    const isThere = await file(host.layout.paths.state, '.x.0123456789ab.tmp');
    const report = await host.gc(MIN_AGE_MS).run(false, never);
    expect(report).toMatchObject({ ok: false, orphans: [{ kind: 'file', outcome: 'removed' }] });
    expect(report.unseen).toEqual([expect.stringMatching(/^resources of the kind directory: /)]);
    expect(isThere()).toBe(false);
  });

  test('ends when its caller leaves', async () => {
    await expect(host.gc().run(false, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('the reaper', () => {
  test('leaves what a person may want back: all of a VM whose disks are there and that the state does not know', async () => {
    await create('kept');
    const isThere = await file(host.layout.vm(GONE).rootDisk);
    const runtime = await strayRuntime(GONE);
    strayVmm(GONE);
    expect(await host.gc(MIN_AGE_MS).reap(never)).toEqual(clean);
    expect([isThere(), existsSync(runtime), runs('astray')()]).toEqual([true, true, true]);
    const { orphans } = await host.gc(MIN_AGE_MS).run(false, never);
    expect(orphans.map(({ kind }) => kind)).toEqual(['vmm', 'runtime', 'directory']);
    expect([isThere(), existsSync(runtime), runs('astray')()]).toEqual([false, false, false]);
    expect(await host.vms.show('kept')).toMatchObject({ state: 'running' });
  });

  test('leaves a VMM that the state does not know of a VM that it does, with its network and sockets', async () => {
    const { id } = await create('box', false);
    const dir = await strayRuntime(id);
    await host.network.prepare({ vmId: id, dir, logFile: '', outbound: true, mac: '02:00:00:00:00:01' });
    strayVmm(id);
    expect(await host.gc(MIN_AGE_MS).reap(never)).toEqual(clean);
    expect([runs('astray')(), host.network.running.length, existsSync(dir)]).toEqual([true, 1, true]);
    const { orphans } = await host.gc(MIN_AGE_MS).run(false, never);
    expect(orphans.map(({ kind, vmName }) => `${kind} of ${vmName}`)).toEqual([
      'vmm of box',
      'network of box',
      'runtime of box',
    ]);
    expect([runs('astray')(), host.network.running.length, existsSync(dir)]).toEqual([false, 0, false]);
  });

  test('removes what is left of a run that no VMM goes on with', async () => {
    const dir = await strayRuntime((await create('box', false)).id);
    expect((await host.gc(MIN_AGE_MS).reap(never)).orphans.map(({ kind }) => kind)).toEqual(['runtime']);
    expect(existsSync(dir)).toBe(false);
  });

  test('removes the rest', async () => {
    strayVmm(GONE);
    await strayRuntime(GONE);
    expect((await host.gc(MIN_AGE_MS).reap(never)).orphans.map(({ kind }) => kind)).toEqual([
      'vmm',
      'runtime',
    ]);
    expect(await look()).toEqual(clean);
  });
});

test('nothing is removed once the state is no longer this daemon’s, though all of it would be an orphan', async () => {
  await create('box', false);
  const { database } = host.layout;
  const isThere = await file(host.layout.paths.state, '.x.0123456789ab.tmp');
  const disks = await directory(host.layout.vms, GONE);
  await rename(database, `${database}.old`);
  await writeFile(database, '');
  const lost = { code: 'state_lost' };
  await expect(host.gc(MIN_AGE_MS).run(false, never)).rejects.toMatchObject(lost);
  await expect(host.gc().begin()).rejects.toMatchObject(lost);
  expect(await host.vms.delete('box')).toMatchObject({
    leftOver: [expect.stringMatching('no longer the state')],
  });
  expect([isThere(), disks()]).toEqual([true, true]);
});

test('a daemon that begins removes what the ledger has of a VM that is gone, however young', async () => {
  const { directory: path, rootDisk } = host.layout.vm(GONE);
  await host.deps.ledger.make(GONE, 'directory', { path }, () => mkdir(path, { recursive: true }));
  const isThere = await file(rootDisk);
  expect((await host.gc().begin()).orphans).toMatchObject([{ kind: 'ledger', outcome: 'removed' }]);
  expect([isThere(), host.ledger]).toEqual([false, []]);
});

test('a daemon that begins removes what is half-made, however young', async () => {
  const isThere = await directory(host.layout.images, '.staging-debian.0123456789ab');
  expect((await host.gc().begin()).orphans).toMatchObject([{ kind: 'staging', outcome: 'removed' }]);
  expect(isThere()).toBe(false);
});
