import type { Database, Row } from '../../../store/database.ts';
import type { DaemonLife } from './daemon-life.suite.ts';

type Values = Parameters<Database['get']> extends [string, ...infer V] ? V : never;

/** The database as a daemon that may be killed has it: each transaction is one effect, done whole or not at all. */
export class MortalDatabase implements Database {
  readonly #life: DaemonLife;
  readonly #inner: Database;
  #inTransaction = false;

  constructor(life: DaemonLife, inner: Database) {
    this.#life = life;
    this.#inner = inner;
  }

  run(sql: string, ...values: Values): void {
    const act = (): void => this.#inner.run(sql, ...values);
    if (this.#inTransaction) act();
    else this.#life.effectNow(`database: ${sql.trim().split(/\s+/).slice(0, 3).join(' ')}`, act);
  }

  get(sql: string, ...values: Values): Row | undefined {
    return this.#life.lookNow(() => this.#inner.get(sql, ...values));
  }

  all(sql: string, ...values: Values): Row[] {
    return this.#life.lookNow(() => this.#inner.all(sql, ...values));
  }

  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    return this.#life.effectNow('database: transaction', () => {
      this.#inTransaction = true;
      try {
        return this.#inner.transaction(work);
      } finally {
        this.#inTransaction = false;
      }
    });
  }

  close(): void {
    this.#inner.close();
  }
}
