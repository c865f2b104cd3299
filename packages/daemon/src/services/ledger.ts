import { BangerError, toBangerError } from '@banger/contract/error';
import type { Clock } from '../host/clock.ts';
import type { LedgerEntry, LedgerRepository } from '../store/ledger-repository.ts';

/** Removes one resource; must be harmless when it is gone, or was never made. */
export type Remover<R> = (resource: R) => Promise<void>;

/** A remover for each kind of resource `K` names. A new kind of resource is a new row here. */
export type Removers<K> = { readonly [Kind in keyof K]: Remover<K[Kind]> };

/** An entry of a ledger for these kinds, each with its own resource. */
export type EntryOf<K> = { [Kind in keyof K & string]: LedgerEntry<Kind, K[Kind]> }[keyof K & string];

/**
 * The ledger of everything that banger has on the host. `K` maps each kind to what its remover needs.
 * A resource is written down before it is made and struck out after it is gone, so that whatever a daemon
 * was doing when it died, the next one knows what may be there.
 */
export class Ledger<K extends object> {
  readonly #rows: LedgerRepository;
  readonly #removers: Removers<K>;
  readonly #clock: Clock;

  constructor(rows: LedgerRepository, removers: Removers<K>, clock: Clock) {
    this.#rows = rows;
    this.#removers = removers;
    this.#clock = clock;
  }

  /**
   * Makes a resource under an entry. `planned` must suffice to find and remove it when `make` never returns;
   * `known` completes the entry with what only the making tells. The entry stays when `make` fails: `remove` takes it.
   */
  async make<Kind extends keyof K & string, T>(
    vmId: string,
    kind: Kind,
    planned: K[Kind],
    make: () => Promise<T>,
    known?: (made: T) => K[Kind],
  ): Promise<T> {
    const id = this.#rows.write(vmId, kind, planned, this.#clock.now());
    const made = await make();
    if (known !== undefined) this.#rows.amend(id, known(made));
    return made;
  }

  /** Removes a VM's resources (of these kinds, or all), newest first, each whatever the others do; returns what failed. */
  async remove(vmId: string, kinds?: readonly (keyof K & string)[]): Promise<BangerError[]> {
    const errors: BangerError[] = [];
    for (const entry of this.#rows.list(vmId)) {
      if (kinds !== undefined && !(kinds as readonly string[]).includes(entry.kind)) continue;
      try {
        await this.removeEntry(entry);
      } catch (thrown) {
        errors.push(toBangerError(thrown));
      }
    }
    return errors;
  }

  /** Removes what one entry tells of, then strikes it out; rejects with the reason when it cannot be removed, and it stays. */
  async removeEntry({ id, kind, resource }: LedgerEntry): Promise<void> {
    await this.#remover(kind)(resource);
    this.#rows.strike(id);
  }

  /** Removes a resource that has no entry. */
  async removeUnwritten<Kind extends keyof K & string>(kind: Kind, resource: K[Kind]): Promise<void> {
    await this.#remover(kind)(resource);
  }

  /** The entries of one VM, or all, newest first. */
  entries(vmId?: string): readonly EntryOf<K>[] {
    return this.#rows.list(vmId) as EntryOf<K>[];
  }

  /** The table holds what some daemon of ours wrote, so that its resource is what its kind's remover takes. */
  #remover(kind: string): Remover<unknown> {
    if (!Object.hasOwn(this.#removers, kind))
      throw new BangerError('internal', `There is no remover for "${kind}".`);
    return this.#removers[kind as keyof K] as Remover<unknown>;
  }
}
