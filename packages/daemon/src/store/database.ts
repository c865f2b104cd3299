import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { isBangerError } from '@banger/contract/error';

/** A row as SQLite gives it. */
export type Row = Record<string, SQLOutputValue>;

/** The small port behind which SQLite stands: plain SQL, synchronous, one writer. */
export interface Database {
  run(sql: string, ...values: SQLInputValue[]): void;
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
  /**
   * All of `work` or nothing; nested calls join the outer one. It may be run twice, when there was no room at first; with `reserve: false`
   * it may not have the room that is kept for a full disk.
   */
  transaction<T>(work: () => T, options?: { readonly reserve: boolean }): T;
  /** Harmless when called again. */
  close(): void;
}

/** What makes something new. It is refused on a full disk: the reserve is for what records and what removes. */
const ADDING = /^\s*INSERT\b/i;

/** What stands behind a connection. */
export interface Support {
  /** Turns SQLite's errors into ours. */
  explain(error: unknown): unknown;
  /** Gives back room on the disk that was kept for a full one; false when there is none. */
  release(): boolean;
}

/** `Database` over an open `node:sqlite` connection; statements are prepared once. */
export class SqliteDatabase implements Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  readonly #support: Support;
  #inTransaction = false;
  #adds = false;

  constructor(connection: DatabaseSync, support: Support) {
    this.#connection = connection;
    this.#support = support;
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.transaction(() => {
      this.#adds ||= ADDING.test(sql);
      this.#explained(() => this.#prepare(sql).run(...values));
    });
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#explained(() => this.#prepare(sql).get(...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#explained(() => this.#prepare(sql).all(...values));
  }

  transaction<T>(work: () => T, { reserve }: { readonly reserve: boolean } = { reserve: true }): T {
    if (this.#inTransaction) return work();
    try {
      return this.#once(work);
    } catch (error) {
      const mayUseReserve = reserve && !this.#adds && isBangerError(error, 'disk_full');
      if (!mayUseReserve || !this.#support.release()) throw error;
      return this.#once(work);
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #once<T>(work: () => T): T {
    this.#adds = false;
    this.#explained(() => this.#connection.exec('BEGIN IMMEDIATE'));
    this.#inTransaction = true;
    try {
      const result = work();
      this.#explained(() => this.#connection.exec('COMMIT'));
      return result;
    } catch (error) {
      // Some failures, a full disk for one, have rolled it back already (https://sqlite.org/lang_transaction.html).
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  #explained<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#support.explain(error);
    }
  }

  #prepare(sql: string): ReturnType<DatabaseSync['prepare']> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
