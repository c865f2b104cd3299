import type { Database } from './database.ts';

/** One resource of the host that is ours: what it is, and for which VM it was made. */
export interface LedgerEntry<K extends string = string, R = unknown> {
  readonly id: number;
  readonly vmId: string;
  readonly kind: K;
  readonly resource: R;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
}

/** The ledger's table: written before a resource is made, struck out after it is gone. */
export class LedgerRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Writes an entry down and returns its id. */
  write(vmId: string, kind: string, resource: unknown, madeAt: number): number {
    this.#database.run(
      'INSERT INTO ledger (vm_id, kind, resource, made_at) VALUES (?, ?, ?, ?)',
      vmId,
      kind,
      JSON.stringify(resource),
      madeAt,
    );
    return Number(this.#database.get('SELECT last_insert_rowid() AS id')?.['id']);
  }

  /** Completes an entry with what is known only after the making, such as a pid. */
  amend(id: number, resource: unknown): void {
    this.#database.run('UPDATE ledger SET resource = ? WHERE id = ?', JSON.stringify(resource), id);
  }

  strike(id: number): void {
    this.#database.run('DELETE FROM ledger WHERE id = ?', id);
  }

  /** Entries of one VM, or all, newest first: the order of removal. */
  list(vmId?: string): LedgerEntry[] {
    const rows =
      vmId === undefined
        ? this.#database.all('SELECT * FROM ledger ORDER BY id DESC')
        : this.#database.all('SELECT * FROM ledger WHERE vm_id = ? ORDER BY id DESC', vmId);
    return rows.map((row) => ({
      id: Number(row['id']),
      vmId: String(row['vm_id']),
      kind: String(row['kind']),
      resource: JSON.parse(String(row['resource'])) as unknown,
      madeAt: Number(row['made_at']),
    }));
  }
}
