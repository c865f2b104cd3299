import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { GcReport } from '@banger/contract/gc';
import type { VmView } from '@banger/contract/vm';
import { ProcessTable, type ProcessIdentity } from '@banger/daemon/host/process-identity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processesOf, vmProcessesOf } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';
import { FaultHome } from './fault-home.ts';

/** Older than what gc leaves alone for its youth, half a minute. */
const OLD = new Date(Date.now() - 120_000);

/** Over what a socket in it may have: all that these tests do is done by the short path (B9). */
const LONG_BYTES = 150;

const processes = new ProcessTable();

let home: FaultHome;
beforeAll(() => {
  home = FaultHome.stocked(['debian-bookworm'], FaultHome.long(LONG_BYTES));
  expect(Buffer.byteLength(home.path)).toBe(LONG_BYTES);
});
afterAll(() => home.remove());

const gc = (...options: string[]): Promise<GcReport> => home.json<GcReport>(['gc', ...options]);
const pids = (): Set<number> => new Set(vmProcessesOf(home.path).map(({ pid }) => pid));

/** The links to this home's sockets. */
function links(): string[] {
  const directory = `/tmp/banger-runtime-${process.getuid?.()}`;
  const found = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
  return found
    .map(({ name }) => join(directory, name))
    .filter((path) => readlinkSync(path) === home.at('run'));
}

/** The daemon is killed, and the state changed before the next one begins. */
async function change(work: (state: DatabaseSync) => void): Promise<void> {
  process.kill(await home.daemonPid(), 'SIGKILL');
  await until('the daemon to be gone', async () =>
    processesOf(home.path).some(({ argv }) => argv.includes('bangerd')) ? undefined : true,
  );
  // A process that ends has no argv any more, and may still hold the lock for a moment.
  const options = { enableForeignKeyConstraints: true, timeout: 5_000 };
  const state = new DatabaseSync(home.at('state', 'banger.db'), options);
  work(state);
  state.close();
}

/** The state loses all that it knew of a VM. */
function forget(vm: VmView): Promise<void> {
  return change((state) => {
    state.prepare('DELETE FROM ledger WHERE vm_id = ?').run(vm.id);
    state.prepare('DELETE FROM vms WHERE id = ?').run(vm.id);
  });
}

/**
 * As a reboot of the host leaves it, after which a stranger happens to have the pid and the start time that every process of ours had: they
 * are gone, and with them what lay in directories that a boot empties.
 */
function reboot(stranger: ProcessIdentity): Promise<void> {
  return change((state) => {
    const identity = { ...stranger, bootId: 'of-another-boot' };
    const changed = (json: string): string =>
      JSON.stringify(
        JSON.parse(json, (_key, value: unknown) =>
          typeof value === 'object' && value !== null && 'startTicks' in value ? identity : value,
        ),
      );
    state.function('changed', changed as (json: SQLOutputValue) => string);
    const { changes } = state.prepare('UPDATE vm_runtimes SET runtime = changed(runtime)').run();
    expect(changes).toBe(1);
    state.exec('UPDATE ledger SET resource = changed(resource)');
    for (const { pid } of vmProcessesOf(home.path)) process.kill(pid, 'SIGKILL');
    for (const path of [home.at('run'), ...links()]) rmSync(path, { recursive: true });
  });
}

test('what nobody knows of any more is listed, then removed, and a VM beside it does not notice', async () => {
  // The first one ages while the other one boots.
  const lost = await home.json<VmView>(['vm', 'create', '--name', 'lost']);
  const lostPids = pids();
  const kept = await home.json<VmView>(['vm', 'create', '--name', 'kept']);
  const before = pids();
  const keptPids = before.difference(lostPids);
  expect(before.size).toBe(2 * keptPids.size);
  expect(links()).toHaveLength(1);
  await forget(lost);

  expect((await home.list()).map(({ name }) => name)).toEqual(['kept']);
  const staging = home.at('state', 'images', '.staging-other.0123456789ab');
  const halfWritten = home.at('state', '.x.0123456789ab.tmp');
  mkdirSync(staging);
  writeFileSync(halfWritten, '');
  for (const path of [staging, halfWritten]) utimesSync(path, OLD, OLD);

  const listed = await until('all of it to be old enough', async () => {
    const report = await gc('--dry-run');
    // Each has an age of its own: the last one is made moments after the first.
    return report.orphans.filter(({ vm }) => vm === lost.id).length === 4 ? report : undefined;
  });
  expect(listed.orphans.map(({ kind, vm, outcome }) => [kind, vm, outcome])).toEqual([
    ['vmm', lost.id, 'found'],
    ['network', lost.id, 'found'],
    ['runtime', lost.id, 'found'],
    ['directory', lost.id, 'found'],
    ['staging', '', 'found'],
    ['file', '', 'found'],
  ]);
  expect(listed.orphans[0]?.what).toContain(String(lost.runtime?.pid));
  expect(pids()).toEqual(before);

  const told = await home.run(['gc']);
  expect(told.status, told.stderr).toBe(0);
  expect(told.stdout.match(/ removed$/gm)).toHaveLength(listed.orphans.length);
  await until('the processes to be gone', async () => (pids().size === keptPids.size ? true : undefined));
  expect(pids()).toEqual(keptPids);
  expect(await gc()).toEqual({ orphans: [], unseen: [], ok: true });

  expect((await home.show('kept')).runtime?.bootId).toBe(kept.runtime?.bootId);
  expect(await home.run(['vm', 'exec', 'kept', '--', 'true'])).toMatchObject({ status: 0 });
});

test('what ran in another boot of the host is not taken for a process that has its pid and start time now', async () => {
  const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
  try {
    await once(stranger, 'spawn');
    const identity = processes.identify(stranger.pid ?? 0);
    if (identity === undefined) throw new Error('It has ended.');
    await reboot(identity);
    expect(await home.show('kept')).toMatchObject({
      ...{ state: 'stopped', reason: 'The VMM ended, and no daemon saw how.' },
    });
    expect(home.leftovers()).toHaveLength(1);
    expect(links()).toHaveLength(1);
    await home.run(['vm', 'delete', 'kept']);
    await home.expectNothingLeft();
    expect(processes.isAlive(identity)).toBe(true);
  } finally {
    stranger.kill();
  }
  await home.stopDaemon();
  expect(links()).toEqual([]);
});
