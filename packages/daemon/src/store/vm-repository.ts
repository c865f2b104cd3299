import type { VmSpec, VmState, VmStep } from '@banger/contract/vm';
import { BangerError } from '@banger/contract/error';
import type { ImageDefaults } from '../domain/image-defaults.ts';
import type { VmRow } from '../domain/vm-row.ts';
import type { Database, Row } from './database.ts';

/** Columns that a change may touch; identity stays, and what a VM's state is has moves of its own. */
export type VmChange = Partial<
  Pick<
    VmRow,
    'spec' | 'init' | 'imageDefaults' | 'steps' | 'warnings' | 'ephemeral' | 'startAgain' | 'protected'
  >
>;

/** A move to a state, or to another reason for the same one. */
export type VmMove = Pick<VmRow, 'state' | 'phase' | 'reason' | 'hint' | 'stateSince'>;

/** The rows as everybody has them but `VmStates`, which alone makes moves. */
export type VmRows = Omit<VmRepository, 'move'>;

/** Told of each change once it is in the database; must not throw. */
export interface VmListener {
  inserted(row: VmRow): void;
  /** The state was set: from what it was before, which may be the same. */
  moved(from: VmState, row: VmRow): void;
  /** What it is to be was changed: its spec or its protection. */
  changed(row: VmRow): void;
  deleted(row: VmRow): void;
}

/** The durable rows of VMs. */
export class VmRepository {
  readonly #database: Database;
  readonly #listener: VmListener | undefined;

  constructor(database: Database, listener?: VmListener) {
    this.#database = database;
    this.#listener = listener;
  }

  /** Reserves id, name and MAC in one statement; `name_taken` when another VM has the name. */
  insert(row: VmRow): void {
    this.#database.transaction(() => {
      if (this.#database.get('SELECT 1 FROM vms WHERE name = ?', row.spec.name) !== undefined) {
        throw new BangerError('name_taken', `There is a VM named ${row.spec.name}.`, {
          details: { name: row.spec.name },
        });
      }
      this.#database.run(
        `INSERT INTO vms (id, name, image, kernel, spec, state, phase, reason, hint, state_since, created_at, last_used_at,
           ephemeral, start_again, protected, mac, machine_id, init, image_defaults, steps, warnings)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        row.id,
        row.spec.name,
        row.spec.image,
        row.spec.kernel,
        JSON.stringify(row.spec),
        row.state,
        row.phase,
        row.reason,
        row.hint,
        row.stateSince,
        row.createdAt,
        row.lastUsedAt,
        row.ephemeral ? 1 : 0,
        row.startAgain ? 1 : 0,
        row.protected ? 1 : 0,
        row.mac,
        row.machineId,
        row.init,
        JSON.stringify(row.imageDefaults),
        JSON.stringify(row.steps),
        JSON.stringify(row.warnings),
      );
    });
    this.#listener?.inserted(row);
  }

  /** Changes a row and returns what it is now; `vm_not_found` when it is gone. */
  update(id: string, change: VmChange): VmRow {
    return this.#write(id, change);
  }

  /** Changes the state of a VM, and what else changes with it. Whether it may go there is the caller's business. */
  move(id: string, move: VmMove, change: VmChange): VmRow {
    return this.#write(id, { ...change, ...move });
  }

  #write(id: string, change: VmChange & Partial<VmMove>): VmRow {
    const [before, after] = this.#database.transaction(() => {
      const old = this.get(id);
      const row = { ...old, ...change };
      this.#database.run(
        `UPDATE vms SET spec = ?, state = ?, phase = ?, reason = ?, hint = ?, state_since = ?, ephemeral = ?, start_again = ?, protected = ?,
           init = ?, image_defaults = ?, steps = ?, warnings = ? WHERE id = ?`,
        JSON.stringify(row.spec),
        row.state,
        row.phase,
        row.reason,
        row.hint,
        row.stateSince,
        row.ephemeral ? 1 : 0,
        row.startAgain ? 1 : 0,
        row.protected ? 1 : 0,
        row.init,
        JSON.stringify(row.imageDefaults),
        JSON.stringify(row.steps),
        JSON.stringify(row.warnings),
        id,
      );
      return [old, row];
    });
    if (change.state !== undefined) this.#listener?.moved(before.state, after);
    const isOther = JSON.stringify(before.spec) !== JSON.stringify(after.spec);
    if (isOther || before.protected !== after.protected) this.#listener?.changed(after);
    return after;
  }

  /** Writes down when VMs were last used; one that is gone is no error. Not worth the room that is kept for a full disk. */
  setLastUses(uses: ReadonlyMap<string, number>): void {
    this.#database.transaction(
      () => {
        for (const [id, at] of uses)
          this.#database.run('UPDATE vms SET last_used_at = ? WHERE id = ?', at, id);
      },
      { reserve: false },
    );
  }

  /** The row of this id; `vm_not_found` when there is none. */
  get(id: string): VmRow {
    const row = this.find(id);
    if (row === undefined)
      throw new BangerError('vm_not_found', `There is no VM with id ${id}.`, { details: { id } });
    return row;
  }

  find(id: string): VmRow | undefined {
    const row = this.#database.get('SELECT * FROM vms WHERE id = ?', id);
    return row === undefined ? undefined : toVmRow(row);
  }

  /** All, oldest first. */
  list(): VmRow[] {
    return this.#database.all('SELECT * FROM vms ORDER BY created_at, id').map(toVmRow);
  }

  delete(id: string): void {
    const row = this.find(id);
    if (row === undefined) return;
    this.#database.run('DELETE FROM vms WHERE id = ?', id);
    this.#listener?.deleted(row);
  }
}

function toVmRow(row: Row): VmRow {
  return {
    id: String(row['id']),
    spec: JSON.parse(String(row['spec'])) as VmSpec,
    state: String(row['state']) as VmState,
    phase: String(row['phase']),
    reason: String(row['reason']),
    hint: String(row['hint']),
    stateSince: Number(row['state_since']),
    createdAt: Number(row['created_at']),
    lastUsedAt: Number(row['last_used_at']),
    ephemeral: row['ephemeral'] === 1,
    startAgain: row['start_again'] === 1,
    protected: row['protected'] === 1,
    mac: String(row['mac']),
    machineId: String(row['machine_id']),
    init: String(row['init']),
    imageDefaults: JSON.parse(String(row['image_defaults'])) as ImageDefaults,
    steps: JSON.parse(String(row['steps'])) as VmStep[],
    warnings: JSON.parse(String(row['warnings'])) as string[],
  };
}
