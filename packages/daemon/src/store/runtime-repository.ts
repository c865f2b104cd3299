import type { Database } from './database.ts';

/** What is seen of running VMs, as JSON of the type `R`, which its users define. */
export class RuntimeRepository<R> {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  set(vmId: string, runtime: R): void {
    this.#database.run(
      'INSERT INTO vm_runtimes (vm_id, runtime) VALUES (?, ?) ON CONFLICT (vm_id) DO UPDATE SET runtime = excluded.runtime',
      vmId,
      JSON.stringify(runtime),
    );
  }

  find(vmId: string): R | undefined {
    const row = this.#database.get('SELECT runtime FROM vm_runtimes WHERE vm_id = ?', vmId);
    return row === undefined ? undefined : (JSON.parse(String(row['runtime'])) as R);
  }

  /** Ids of the VMs that have one. */
  owners(): string[] {
    return this.#database.all('SELECT vm_id FROM vm_runtimes').map((row) => String(row['vm_id']));
  }

  clear(vmId: string): void {
    this.#database.run('DELETE FROM vm_runtimes WHERE vm_id = ?', vmId);
  }
}
