import { hash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noImageDefaults } from '../domain/image-defaults.ts';
import type { VmRow } from '../domain/vm-row.ts';
import { HOLDER_FILE } from './holder.ts';
import { LedgerRepository } from './ledger-repository.ts';
import { DATABASE_FILE, openState } from './open-state.ts';
import { RuntimeRepository } from './runtime-repository.ts';
import { VmRepository } from './vm-repository.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banger-store-'));
  file = join(directory, DATABASE_FILE);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Every file of a directory, by name, with a hash of what is in it. */
const contentOf = (place: string): unknown =>
  readdirSync(place).map((name) => [name, hash('sha256', readFileSync(join(place, name)))]);

const row = (id: string, name: string): VmRow => ({
  id,
  spec: {
    name,
    image: 'debian-bookworm',
    kernel: 'k',
    vcpu: 1,
    memoryMib: 512,
    diskBytes: 2 ** 30,
    rootBytes: 2 ** 33,
    network: 'user',
    outbound: true,
    env: ['A=b'],
  },
  state: 'creating',
  phase: '',
  reason: '',
  hint: '',
  stateSince: 1,
  createdAt: 1,
  lastUsedAt: 1,
  ephemeral: false,
  startAgain: false,
  protected: false,
  mac: `02:00:00:00:00:${id}`,
  machineId: id.repeat(16),
  init: 'agent',
  imageDefaults: { ...noImageDefaults, shell: false, env: ['A=b'], user: 'app:web' },
  steps: [],
  warnings: [],
});

describe('opening the state', () => {
  test('a second daemon is refused and told who holds it; close frees it, twice is harmless', () => {
    const first = openState(directory);
    writeFileSync(join(directory, HOLDER_FILE), JSON.stringify({ pid: 4711 }));
    expect(() => openState(directory)).toThrow(/\(pid 4711\)/);
    expect(() => openState(directory)).toThrow(expect.objectContaining({ code: 'daemon_held' }) as Error);
    first.close();
    first.close();
    openState(directory).close();
  });

  test('a newer database is refused and left as it is', () => {
    const newer = new DatabaseSync(file);
    newer.exec('CREATE TABLE future (x); PRAGMA user_version = 99;');
    newer.close();
    const before = readFileSync(file);
    expect(() => openState(directory)).toThrow(expect.objectContaining({ code: 'database_newer' }) as Error);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('a newer database of a daemon that ended, or was killed, has nothing new beside it after the refusal', () => {
    const newest = Array.from({ length: 99 }, () => '');
    const ended = join(directory, 'ended');
    const killed = join(directory, 'killed');
    for (const place of [ended, killed]) mkdirSync(place);
    const database = openState(ended, newest);
    for (const suffix of ['', '-wal'])
      copyFileSync(join(ended, DATABASE_FILE + suffix), join(killed, DATABASE_FILE + suffix));
    database.close();
    for (const place of [ended, killed]) {
      const before = contentOf(place);
      expect(() => openState(place)).toThrow(expect.objectContaining({ code: 'database_newer' }) as Error);
      expect(contentOf(place)).toEqual(before);
    }
  });

  test.each([
    ['garbage', Buffer.from('not a database at all '.repeat(500))],
    ['a truncated header', Buffer.from('SQLite format 3\0')],
  ])('%s is refused and left as it is', (_, content) => {
    writeFileSync(file, content);
    expect(() => openState(directory)).toThrow(
      expect.objectContaining({ code: 'database_corrupt' }) as Error,
    );
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  test('a database with a damaged page is refused and left as it is', () => {
    const whole = openState(directory);
    const vms = new VmRepository(whole);
    for (let i = 10; i < 60; i += 1) vms.insert(row(String(i), `vm-${i}`));
    whole.close();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096, bytes.length);
    writeFileSync(file, bytes);
    const before = contentOf(directory);
    expect(() => openState(directory)).toThrow(
      expect.objectContaining({ code: 'database_corrupt' }) as Error,
    );
    expect(contentOf(directory)).toEqual(before);
  });

  test('no room is told as that, the transaction has left nothing, and the next one with room works', () => {
    const database = openState(directory);
    const pages = (count: number): void => database.run(`PRAGMA max_page_count = ${count}`);
    const vms = new VmRepository(database);
    const large = { ...row('02', 'large'), reason: 'x'.repeat(100_000) };
    pages(1);
    const write = (): void =>
      database.transaction(() => {
        vms.insert(row('01', 'small'));
        vms.insert(large);
      });
    expect(write).toThrow(expect.objectContaining({ code: 'disk_full' }) as Error);
    expect(write).toThrow(expect.objectContaining({ code: 'disk_full' }) as Error);
    expect(vms.list()).toEqual([]);
    pages(1_000_000);
    write();
    expect(vms.list()).toEqual([row('01', 'small'), large]);
    database.close();
  });

  test('a failing migration leaves the version before it, whole', () => {
    openState(directory, ['CREATE TABLE a (x) STRICT'.replace('x', 'x TEXT')]).close();
    expect(() => openState(directory, ['', 'CREATE TABLE b (x TEXT); CREATE TABLE a (x TEXT)'])).toThrow();
    const look = new DatabaseSync(file);
    expect(look.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
    expect(look.prepare("SELECT name FROM sqlite_master WHERE name = 'b'").get()).toBeUndefined();
    look.close();
  });

  test('what was committed is there after a reopening', () => {
    const first = openState(directory);
    new VmRepository(first).insert(row('01', 'box'));
    first.close();
    expect(statSync(file).size).toBeGreaterThan(0);
    const second = openState(directory);
    expect(new VmRepository(second).list()).toEqual([row('01', 'box')]);
    second.close();
  });
});

describe('the repositories', () => {
  test('a taken name is refused with no row left; an update returns the new row', () => {
    const database = openState(directory);
    const vms = new VmRepository(database);
    vms.insert(row('01', 'box'));
    expect(() => vms.insert(row('02', 'box'))).toThrow(
      expect.objectContaining({ code: 'name_taken' }) as Error,
    );
    expect(vms.list()).toHaveLength(1);
    expect(vms.update('01', { init: '/sbin/init' })).toEqual({ ...row('01', 'box'), init: '/sbin/init' });
    const move = { state: 'stopped', phase: '', reason: 'x', hint: '', stateSince: 2 } as const;
    expect(vms.move('01', move, { warnings: ['w'] })).toMatchObject({ ...move, warnings: ['w'] });
    expect(vms.get('01')).toEqual({ ...row('01', 'box'), init: '/sbin/init', ...move, warnings: ['w'] });
    expect(() => vms.update('09', {})).toThrow(expect.objectContaining({ code: 'vm_not_found' }) as Error);
    database.close();
  });

  test('each row that comes, moves or goes is told once it is so, and nothing that was refused', () => {
    const database = openState(directory);
    const told: unknown[] = [];
    const vms = new VmRepository(database, {
      inserted: ({ id }) => told.push(['inserted', id, vms.find(id)?.state]),
      moved: (from, { id, state }) => told.push(['moved', from, state, vms.find(id)?.state]),
      changed: ({ id, protected: kept }) => told.push(['changed', kept, vms.find(id)?.protected]),
      deleted: ({ id }) => told.push(['deleted', id, vms.find(id)]),
    });
    vms.insert(row('01', 'box'));
    expect(() => vms.insert(row('02', 'box'))).toThrow();
    vms.move('01', { state: 'stopped', phase: '', reason: '', hint: '', stateSince: 2 }, {});
    vms.update('01', { warnings: ['no news'] });
    for (const kept of [true, true, false]) vms.update('01', { protected: kept });
    vms.delete('01');
    vms.delete('01');
    expect(told).toEqual([
      ['inserted', '01', 'creating'],
      ['moved', 'creating', 'stopped', 'stopped'],
      ['changed', true, true],
      ['changed', false, false],
      ['deleted', '01', undefined],
    ]);
    database.close();
  });

  test('last uses are written for the VMs that there are', () => {
    const database = openState(directory);
    const vms = new VmRepository(database);
    vms.insert(row('01', 'box'));
    vms.insert(row('02', 'web'));
    vms.setLastUses(
      new Map([
        ['02', 7],
        ['09', 8],
      ]),
    );
    expect(vms.list().map(({ lastUsedAt }) => lastUsedAt)).toEqual([1, 7]);
    database.close();
  });

  test('a runtime goes with its VM, a ledger entry does not', () => {
    const database = openState(directory);
    const vms = new VmRepository(database);
    const runtimes = new RuntimeRepository<{ pid: number }>(database);
    const ledger = new LedgerRepository(database);
    vms.insert(row('01', 'box'));
    runtimes.set('01', { pid: 1 });
    runtimes.set('01', { pid: 2 });
    expect(runtimes.find('01')).toEqual({ pid: 2 });
    expect(runtimes.owners()).toEqual(['01']);
    const first = ledger.write('01', 'directory', { path: '/a' }, 5);
    const second = ledger.write('01', 'vmm', { token: 't' }, 6);
    ledger.amend(second, { token: 't', pid: 7 });
    vms.delete('01');
    expect(runtimes.find('01')).toBeUndefined();
    expect(ledger.list('01').map((entry) => entry.resource)).toEqual([
      { token: 't', pid: 7 },
      { path: '/a' },
    ]);
    ledger.strike(first);
    expect(ledger.list()).toHaveLength(1);
    database.close();
  });
});
