import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';

/** A row as SQLite gives it. */
export type Row = Record<string, SQLOutputValue>;

/** The small port behind which SQLite stands: plain SQL, synchronous, one writer. */
export interface Database {
  run(sql: string, ...values: SQLInputValue[]): void;
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
  /** All of `work` or nothing; nested calls join the outer one. */
  transaction<T>(work: () => T): T;
  /** Harmless when called again. */
  close(): void;
}

/** `Database` over an open `node:sqlite` connection; statements are prepared once. */
export class SqliteDatabase implements Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  #inTransaction = false;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    this.#connection.exec('BEGIN IMMEDIATE');
    this.#inTransaction = true;
    try {
      const result = work();
      this.#connection.exec('COMMIT');
      return result;
    } catch (error) {
      this.#connection.exec('ROLLBACK');
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
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
