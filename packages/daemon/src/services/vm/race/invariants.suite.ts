import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { VmRow } from '../../../domain/vm-row.ts';
import type { FakeHost } from '../fake-host.suite.ts';

/** What holds at every moment. `atWork` tells of a VM whether a call, or a daemon that has just begun, is at work on it. */
export function expectSound(host: FakeHost, atWork: (row: VmRow) => boolean): void {
  const rows = host.deps.vms.list();
  const ids = new Set(rows.map(({ id }) => id));
  for (const what of ['id', 'mac', 'machineId'] as const)
    unique(
      what,
      rows.map((row) => row[what]),
    );
  unique(
    'name',
    rows.map(({ spec }) => spec.name),
  );
  const { running } = host.world;
  unique(
    'VMM of a VM',
    running.map(({ spec }) => spec.id),
  );
  unique(
    'disk in use',
    running.flatMap(({ spec }) => spec.disks.map(({ path }) => path)),
  );
  for (const { pid, spec } of running) check(ids.has(spec.id), `The VMM ${pid} runs for nobody.`);
  for (const row of rows) {
    if (row.state !== 'creating') expectMade(host, row);
    if (!host.deps.locks.isBusy(row.id)) expectTrue(host, row);
    // Its end is settled under its lock too, by nobody's call.
    const up = row.state === 'running' || row.state === 'paused';
    const runs = running.some((process) => process.spec.id === row.id);
    check(!up || runs || atWork(row), `${row.spec.name} is ${row.state}, and its VMM is gone.`);
  }
}

/** What a VM is made of is here as long as the VM is. */
function expectMade({ layout }: FakeHost, { spec: { name, image, kernel } }: VmRow): void {
  check(existsSync(join(layout.images, image)), `${name} is there, and its image is not.`);
  check(existsSync(join(layout.kernels, kernel)), `${name} is there, and its kernel is not.`);
}

/** What holds of a VM on which no call is at work: its row tells the truth. */
function expectTrue(host: FakeHost, { id, state, spec, phase, reason }: VmRow): void {
  const told = `${spec.name} is ${state} (${phase}: ${reason})`;
  const processes = host.world.running.filter((process) => process.spec.id === id).map(({ pid }) => pid);
  const recorded = host.deps.runtimes.find(id)?.vmm.process.pid;
  const held = host.deps.live.get(id)?.vmm.handle.process.pid;
  const up = state === 'running' || state === 'paused';
  check(up || state === 'stopped' || state === 'error', `${told}, and nobody is at work on it.`);
  const [process] = processes;
  check(up === (process !== undefined), `${told}, and its VMMs are ${processes.join()}.`);
  check(
    recorded === process && held === process,
    `${told}: recorded ${recorded}, held ${held}, runs ${process}.`,
  );
  const kinds = host.ledgerOf(id).toSorted().join();
  check(
    kinds === (up ? 'directory,network,runtime,vmm' : 'directory'),
    `${told}, and the ledger has ${kinds}.`,
  );
  const { runtime } = host.layout.vm(id);
  check(up === host.network.running.includes(runtime), `${told}: its network says otherwise.`);
  check(
    host.network.open.includes(runtime) === (up && spec.outbound),
    `${told}: its way out is not as it was set to ${spec.outbound}.`,
  );
  check(up === existsSync(runtime), `${told}: its directory of sockets says otherwise.`);
}

/** Nothing is left of any VM, of those that there were: on the host, in the state, in the daemon's memory. */
export function expectNothing(host: FakeHost, ids: ReadonlySet<string>): void {
  const { directory, runtime } = host.layout.vm('x');
  const left = {
    rows: host.deps.vms.list().map(({ spec }) => spec.name),
    ledger: host.ledger,
    processes: host.world.running.map(({ pid }) => pid),
    networks: host.network.running,
    live: [...host.deps.live.keys()],
    files: [directory, runtime].flatMap((path) =>
      existsSync(dirname(path)) ? readdirSync(dirname(path)) : [],
    ),
    halfMade: [host.layout.images, host.layout.kernels].flatMap((path) =>
      readdirSync(path).filter((name) => name.startsWith('.')),
    ),
    locks: [...ids].filter((id) => host.deps.locks.isBusy(id)),
  };
  for (const [what, found] of Object.entries(left))
    check(found.length === 0, `Left behind, ${what}: ${found.join()}`);
}

function unique(what: string, values: readonly string[]): void {
  check(new Set(values).size === values.length, `There is one ${what} twice: ${values.join()}`);
}

/** An invariant; what is thrown says how it was broken. */
export function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
