import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ballast, BALLAST_FILE } from './ballast.ts';
import { SqliteDatabase } from './database.ts';
import { openState } from './open-state.ts';
import { stateError } from './sqlite-error.ts';

const MIB = 1024 ** 2;
const BIG = 'x'.repeat(20_000);

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'banger-ballast-'))));
afterEach(() => rmSync(directory, { recursive: true }));

describe('the ballast', () => {
  test('takes its room from the opening on, is given back once, and made again', () => {
    const file = join(directory, BALLAST_FILE);
    openState(directory).close();
    const { size, blocks, mode } = statSync(file);
    expect([size, mode & 0o777]).toEqual([MIB, 0o600]);
    expect(blocks * 512).toBeGreaterThanOrEqual(MIB);
    const ballast = new Ballast(directory);
    expect([ballast.release(), ballast.release()]).toEqual([true, false]);
    openState(directory).close();
    truncateSync(file, 100); // As a kill in the middle of its making leaves it.
    openState(directory).close();
    expect(statSync(file).size).toBe(MIB);
  });
});

describe('a database without room', () => {
  let connection: DatabaseSync;
  let releases: number;
  let database: SqliteDatabase;
  const limit = (pages: number): void => connection.exec(`PRAGMA max_page_count = ${pages}`);
  const value = (): string => String(database.get('SELECT v FROM t WHERE k = 1')?.['v']);
  const full: unknown = expect.objectContaining({ code: 'disk_full' });

  /** As full as it is, with a reserve of so many pages. */
  const fill = (reserve: number): void => {
    releases = 0;
    database = new SqliteDatabase(connection, {
      explain: (error) => stateError(error, 'test.db', () => new BangerError('daemon_held', '')),
      release: () => {
        releases += 1;
        const pages = Number(connection.prepare('PRAGMA page_count').get()?.['page_count']);
        limit(pages + reserve);
        return reserve > 0;
      },
    });
    limit(1); // No fewer than it has.
  };

  beforeEach(() => {
    connection = new DatabaseSync(join(directory, 'test.db'));
    connection.exec("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'old');");
  });
  afterEach(() => connection.close());

  test('what records finds the reserve: all of it is done again, once', () => {
    fill(100);
    let runs = 0;
    database.transaction(() => {
      runs += 1;
      database.run("UPDATE t SET v = v || 'er' WHERE k = 1");
      database.run('UPDATE t SET v = v || ? WHERE k = 1', BIG);
    });
    expect([runs, releases]).toEqual([2, 1]);
    expect(value()).toBe(`older${BIG}`);
    database.run('UPDATE t SET v = ? WHERE k = 1', BIG);
    expect(value()).toBe(BIG);
  });

  test('without a reserve, or with too small a one, it is refused and nothing is changed', () => {
    for (const reserve of [0, 1]) {
      fill(reserve);
      expect(() => database.run('UPDATE t SET v = ? WHERE k = 1', BIG)).toThrow(full);
      expect([value(), connection.isTransaction]).toEqual(['old', false]);
    }
    limit(1000);
    database.run('UPDATE t SET v = ? WHERE k = 1', BIG);
    expect(value()).toBe(BIG);
  });

  test('what is new is refused, and leaves the reserve alone', () => {
    fill(100);
    expect(() => database.run('INSERT INTO t (v) VALUES (?)', BIG)).toThrow(full);
    expect(() =>
      database.transaction(() => {
        database.run('INSERT INTO t (v) VALUES (1)');
        database.run('UPDATE t SET v = ?', BIG);
      }),
    ).toThrow(full);
    expect(releases).toBe(0);
    expect(database.all('SELECT k FROM t')).toHaveLength(1);
  });

  test('what is not worth it leaves the reserve alone', () => {
    fill(100);
    const write = (): void => database.run('UPDATE t SET v = ?', BIG);
    expect(() => database.transaction(write, { reserve: false })).toThrow(full);
    expect([releases, value()]).toEqual([0, 'old']);
  });

  test('another error is no reason to use it', () => {
    fill(100);
    expect(() => database.run('INSERT INTO t (k) VALUES (1)')).toThrow(/UNIQUE/);
    const broken = new Error('not the disk');
    expect(() =>
      database.transaction(() => {
        throw broken;
      }),
    ).toThrow(broken);
    expect(releases).toBe(0);
  });
});
