import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { VmRow } from '../../../domain/vm-row.ts';
import type { FakeHost } from '../fake-host.suite.ts';

/** What the next daemon still does behind the first answer, a stop that was cut off for one, takes milliseconds. */
const SETTLE_MS = 5_000;
const LOOK_MS = 2;

/** States in which a VM may stay; in the others something is at work. */
const AT_REST: ReadonlySet<string> = new Set(['stopped', 'running', 'error']);

/** Waits until the daemon is at rest. */
export async function settled(host: FakeHost): Promise<void> {
  const isAtRest = (row: VmRow): boolean =>
    AT_REST.has(row.state) &&
    !host.deps.locks.isBusy(row.id) &&
    (row.state !== 'running' || host.deps.live.get(row.id)?.session !== undefined);
  for (const end = Date.now() + SETTLE_MS; Date.now() < end;) {
    if (host.deps.vms.list().every(isAtRest)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`Not at rest: ${JSON.stringify(host.deps.vms.list())}`);
}

/**
 * Expects that every state is true, and that no process, socket, file, directory or row is without an owner: what there is on the host
 * is exactly what the rows say, no more and no less. A VM in `error` is a truth only where it `mayFail`.
 */
export async function expectTruth(
  host: FakeHost,
  { mayFail = false }: { readonly mayFail?: boolean } = {},
): Promise<void> {
  const rows = host.deps.vms.list();
  const running = rows.filter(({ state }) => state === 'running');
  const runtimes = new Map(running.map(({ id }) => [id, host.deps.runtimes.find(id)]));
  expect({
    states: rows
      .map(({ state }) => state)
      .filter((state) => state !== 'stopped' && state !== 'running' && !(mayFail && state === 'error')),
    processes: host.world.running.map(({ pid, spec }) => `${pid} ${spec.id}`).toSorted(),
    networks: host.network.running.toSorted(),
    attached: [...host.deps.live.keys()].toSorted(),
    ledger: host.owned.toSorted(),
    runtimes: host.runtimeOwners.toSorted(),
    files: entriesBelow(host).filter((path) => !isExpected(path, rows, running)),
  }).toEqual({
    states: [],
    processes: [...runtimes].map(([id, runtime]) => `${runtime?.vmm.process.pid} ${id}`).toSorted(),
    networks: running.map(({ id }) => host.layout.vm(id).runtime).toSorted(),
    attached: running.map(({ id }) => id).toSorted(),
    ledger: [
      ...rows.map(({ id }) => `${id} directory`),
      ...running.flatMap(({ id }) => ['vmm', 'network', 'runtime'].map((kind) => `${id} ${kind}`)),
    ].toSorted(),
    runtimes: running.map(({ id }) => id).toSorted(),
    files: [],
  });
  for (const { id } of rows) {
    const { rootDisk, workDisk } = host.layout.vm(id);
    await host.deps.disks.check({ kind: 'root', path: rootDisk });
    await host.deps.disks.check({ kind: 'work', path: workDisk });
  }
  expect((await host.deps.images.list(false)).filter(({ present }) => !present)).toEqual([]);
  expect((await host.deps.kernels.list(false)).filter(({ present }) => !present)).toEqual([]);
}

/** Files of the state database, of the test itself (`shelf`: what its user has), and folders that are there for good. */
const LASTING =
  /^(agent|shelf(\/.*)?|(state|run)(\/(images|kernels|vms|vm|banger\.(db(-wal|-shm)?|ballast)))?)$/;
const STORED =
  /^state\/(images\/[a-z-]+(\/(manifest\.json|root\.ext4|work\.ext4))?|kernels\/[a-z-]+(\/(manifest\.json|vmlinux|initramfs\.img|modules(\/.*)?))?)$/;

function isExpected(path: string, rows: readonly VmRow[], running: readonly VmRow[]): boolean {
  const hidden = path.split('/').some((part) => part.startsWith('.'));
  if (hidden) return false;
  return (
    LASTING.test(path) ||
    STORED.test(path) ||
    rows.some(({ id }) => isWithin(path, `state/vms/${id}`)) ||
    running.some(({ id }) => isWithin(path, `run/vm/${id}`))
  );
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || dirname(path) === directory;
}

/** All that lies in the home, by its path below it; what a link leads to lies elsewhere. */
function entriesBelow(host: FakeHost, directory = ''): string[] {
  return readdirSync(join(host.directory, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return [path, ...(entry.isDirectory() ? entriesBelow(host, path) : [])];
  });
}
