import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DaemonStatus } from '@banger/contract/daemon';
import type { DoctorReport } from '@banger/contract/doctor';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrations } from '../../packages/daemon/src/store/migrations.ts';
import { banger, bangerJson } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { treeOf } from '../harness/tree.ts';
import { until } from '../harness/until.ts';

let home: string;
let database: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'banger-doctor-'));
  database = join(home, 'state/banger.db');
});
afterEach(async () => {
  if (processesOf(home).length > 0) await banger(['daemon', 'stop'], { home });
  expect(processesOf(home)).toEqual([]);
  rmSync(home, { recursive: true });
});

type Check = DoctorReport['checks'][number];

async function doctor(): Promise<{ status: number | null; stderr: string; checks: readonly Check[] }> {
  const { status, stdout, stderr } = await banger(['doctor', '--json'], { home });
  const { checks } = JSON.parse(stdout) as DoctorReport;
  return { status, stderr, checks };
}

const idsOf = (checks: readonly Check[]): string[] => checks.map(({ id }) => id);
const failing = (checks: readonly Check[]): readonly Check[] =>
  checks.filter(({ status }) => status === 'fail');
const find = (checks: readonly Check[], id: string): Check | undefined =>
  checks.find((check) => check.id === id);

function writePrivate(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode: 0o600 });
}

/** A database of that version, with the tables of the first. */
function makeDatabase(version: number): void {
  writePrivate(database, '');
  const made = new DatabaseSync(database);
  made.exec(`PRAGMA journal_mode = WAL; ${migrations[0]}; PRAGMA user_version = ${version};`);
  made.close();
}

/** Expects of this home that no daemon is started, nothing of it is touched, and every check made. */
async function expectOnlyLooks(): Promise<Awaited<ReturnType<typeof doctor>>> {
  const before = treeOf(home);
  const seen = await doctor();
  expect(treeOf(home)).toEqual(before);
  expect(processesOf(home)).toEqual([]);
  expect(idsOf(seen.checks)).toEqual(
    expect.arrayContaining([
      ...['cli.daemon', 'host.user', 'tool.passt', 'asset.agent', 'vmm.version', 'vmm.accel'],
      ...['network.user', 'store.state', 'store.images', 'host.room', 'config', 'host.sizes'],
    ]),
  );
  expect(seen.stderr).toBe('');
  expect(seen.status).toBe(failing(seen.checks).length > 0 ? 1 : 0);
  return seen;
}

/** What it finds where nothing of banger is: the same at each look, most of which QEMU takes. */
let bare: ReturnType<typeof expectOnlyLooks> | undefined;
const whereNothingIs = (): ReturnType<typeof expectOnlyLooks> => (bare ??= expectOnlyLooks());

describe('a doctor without a daemon makes every check, starts none and touches nothing', () => {
  test('where nothing of banger is', async () => {
    const { checks } = await whereNothingIs();
    expect(failing(checks)).toEqual([]);
    expect(find(checks, 'store.state')?.detail).toMatch('not there yet');
    expect(find(checks, 'cli.daemon')?.detail).toMatch('none runs');
  });

  test('where the database is an older one, which stays that', async () => {
    makeDatabase(1);
    const { checks } = await expectOnlyLooks();
    expect(failing(checks)).toEqual([]);
    expect(find(checks, 'store.state')?.detail).toMatch('version 1');
  });

  test('where a daemon was killed, whose last changes are not in the file yet', async () => {
    await banger(['ps'], { home });
    const { pid } = await bangerJson<DaemonStatus>(['daemon', 'status'], { home });
    process.kill(pid, 'SIGKILL');
    await until('the daemon to be gone', async () => (processesOf(home).length === 0 ? true : undefined));
    const { checks } = await expectOnlyLooks();
    expect(failing(checks)).toEqual([]);
    expect(find(checks, 'store.state')).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining(`version ${migrations.length}`) as string,
    });
  });

  /** Faults that do not hide each other, each with the one check that fails for it. */
  interface Fault {
    readonly what: string;
    readonly make: () => void;
    readonly id: string;
    readonly says: RegExp;
  }
  const link = (directory: string, id: string): Fault => ({
    what: `the directory ${directory} is a link`,
    make: () => {
      mkdirSync(join(home, `elsewhere-${directory}`), { mode: 0o700 });
      symlinkSync(join(home, `elsewhere-${directory}`), join(home, directory));
    },
    ...{ id, says: /is a symbolic link/ },
  });
  const inDatabase = (what: string, make: () => void, says: RegExp): Fault => ({
    what: `the database ${what}`,
    make,
    ...{ id: 'store.state', says },
  });
  const inConfiguration = (what: string, text: string, says: RegExp): Fault => ({
    what: `the configuration ${what}`,
    make: () => writePrivate(join(home, 'config/config.toml'), text),
    ...{ id: 'config', says },
  });
  const mistake = inConfiguration('has a mistake', 'vcpu = 2\n', /config.toml:1:1: there is no key vcpu/);
  const noToml = inConfiguration('is no TOML', '[vm_defaults\n', /config.toml:2:1: this is not TOML/);
  const noDatabase = 'no database, but long enough\n'.repeat(40);
  const together: readonly (readonly Fault[])[] = [
    [inDatabase('is of a newer banger', () => makeDatabase(999), /version 999/), mistake],
    [inDatabase('is damaged', () => writePrivate(database, noDatabase), /is damaged/), noToml],
    [
      inDatabase(
        'is a directory',
        () => mkdirSync(database, { recursive: true, mode: 0o700 }),
        /cannot be used/,
      ),
      link('run', 'cli.run-directory'),
    ],
    [link('state', 'host.directories')],
  ];
  test.each(together.map((faults) => [faults.map(({ what }) => what).join(', and '), faults] as const))(
    'where %s: one check fails for each',
    async (_what, faults) => {
      for (const { make } of faults) make();
      const { checks } = await expectOnlyLooks();
      expect(failing(checks)).toHaveLength(faults.length);
      for (const { id, says } of faults)
        expect(find(failing(checks), id)).toMatchObject({
          detail: expect.stringMatching(says) as string,
          fix: expect.stringMatching(/\S/) as string,
        });
    },
  );
});

describe('a doctor with a daemon', () => {
  test('asks it, makes the same checks, and all is well', async () => {
    const without = await whereNothingIs();
    await banger(['ps'], { home });
    const { status, checks } = await doctor();
    expect(failing(checks)).toEqual([]);
    expect(status).toBe(0);
    expect(idsOf(checks)).toEqual(idsOf(without.checks));
    expect(find(checks, 'store.state')?.detail).toMatch(`version ${migrations.length}`);
    expect(find(checks, 'cli.daemon')).toMatchObject({ status: 'pass', detail: 'it answers' });
  });

  test('tells of one that has the state and cannot be asked, and leaves it alone', async () => {
    await banger(['ps'], { home });
    const { pid, socket } = await bangerJson<DaemonStatus>(['daemon', 'status'], { home });
    // It would make its socket anew.
    process.kill(pid, 'SIGSTOP');
    rmSync(socket);
    try {
      const { checks } = await doctor();
      expect(find(checks, 'store.state')).toMatchObject({
        status: 'warn',
        detail: expect.stringContaining(`process ${pid}`) as string,
        fix: expect.stringContaining(`kill ${pid}`) as string,
      });
    } finally {
      process.kill(pid, 'SIGTERM');
      process.kill(pid, 'SIGCONT');
      await until('the daemon to be gone', async () => (processesOf(home).length === 0 ? true : undefined));
    }
  });

  test.runIf(process.getuid?.() === 0)('warns root that QEMU stays root', async () => {
    expect(find((await whereNothingIs()).checks, 'host.user')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('root') as string,
      fix: expect.stringMatching(/\S/) as string,
    });
  });
});
