import { BangerError } from '@banger/contract/error';
import type { VmState } from '@banger/contract/vm';
import type { Logger } from 'pino';
import { mayGo, type StateAhead } from '../../domain/vm-state.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { Clock } from '../../host/clock.ts';
import type { VmChange, VmRepository } from '../../store/vm-repository.ts';

/** Why a VM is in its state; all empty when that needs no words. */
export interface StateReason {
  readonly phase?: string;
  readonly reason?: string;
  readonly hint?: string;
}

/** The only place that changes the state of a VM. */
export class VmStates {
  readonly #vms: VmRepository;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(vms: VmRepository, clock: Clock, log: Logger) {
    this.#vms = vms;
    this.#clock = clock;
    this.#log = log;
  }

  /** Moves a VM to a state, with its reason; a move that the state machine does not have is a bug. */
  go(id: string, to: StateAhead, why: StateReason = {}, change: VmChange = {}): VmRow {
    const { state: from } = this.#vms.get(id);
    if (!mayGo(from, to)) throw new BangerError('internal', `A VM cannot go from ${from} to ${to}.`);
    return this.write(id, from, to, why, change);
  }

  /** Leaves a VM in the state that it is in, for another reason. */
  stay(id: string, why: StateReason): VmRow {
    const { state } = this.#vms.get(id);
    return this.write(id, state, state, why, {});
  }

  protected write(id: string, from: VmState, to: VmState, why: StateReason, change: VmChange): VmRow {
    const { phase = '', reason = '', hint = '' } = why;
    this.#log.info({ vm: id, from, to, phase, reason }, 'vm state');
    return this.#vms.move(id, { state: to, phase, reason, hint, stateSince: this.#clock.now() }, change);
  }
}
