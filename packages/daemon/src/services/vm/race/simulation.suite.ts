import type { FakeClock } from '@banger/testkit/fake-clock';
import type { Scheduler } from 'fast-check';
import type { VmRow } from '../../../domain/vm-row.ts';
import type { FakeHost } from '../fake-host.suite.ts';
import type { MemoryGuests } from '../memory-guests.suite.ts';
import { RacingCall } from './call.suite.ts';
import { check, expectNothing, expectSound } from './invariants.suite.ts';
import { quiet } from './quiet.suite.ts';
import { events, verbOf, type EventName, type Seen, type VerbName } from './verbs.suite.ts';

/** A call that a client makes. */
export interface ClientStep {
  readonly verb: VerbName;
  readonly vm: string;
  /** Turns of its own after which it leaves, a while each; null when it waits for the end. */
  readonly patience: number | null;
}

/** What nobody asked for. */
export type WorldStep =
  | { readonly event: EventName; readonly vm: string }
  | { readonly event: 'the daemon is killed' }
  | { readonly event: 'time passes'; readonly ms: number };

/** What several clients do, each one thing after the other, and what the world does meanwhile. */
export interface Script {
  readonly clients: readonly (readonly ClientStep[])[];
  readonly world: readonly WorldStep[];
}

/** A machine on which nothing happens but by the schedule and the clock. */
export interface Machine {
  readonly host: FakeHost;
  readonly guests: MemoryGuests;
  readonly clock: FakeClock;
}

/** Longer than every deadline of the daemon together: a call that is still at work then, with nothing else to wait for, hangs. */
const HANG_MS = 600_000;
/** After the last VM is gone: longer than any pause between two tries. */
const AFTERWARDS_MS = 10_000;

/**
 * Plays a script. Each call of a driver and each step of the script waits for its turn, and the schedule says whose it is; between two turns
 * everything comes to rest, so that the same schedule gives the same run. Time passes when nothing else can happen. Throws when
 * an invariant does not hold, a call comes to what it must not, or never to anything.
 */
export class Simulation {
  readonly #machine: Machine;
  readonly #schedule: Scheduler;
  readonly #calls = new Set<RacingCall>();
  readonly #ids = new Set<string>();
  readonly #deleted = new Set<string>();
  /** Resolves when the daemon that serves now is killed. */
  #killed = Promise.withResolvers<'killed'>();
  /** Resolves when the next daemon serves; undefined while one does. */
  #serves: Promise<void> | undefined;
  /** VMs that a new daemon has not yet brought together with the host. */
  readonly #recovering = new Set<string>();
  /** What threw outside of the calls. */
  #broken: { readonly thrown: unknown } | undefined;
  #waited = 0;
  turns = 0;

  constructor(machine: Machine, schedule: Scheduler) {
    this.#machine = machine;
    this.#schedule = schedule;
    machine.host.onCall = (call) => this.#turn(call);
    machine.host.onState = (row) => {
      for (const call of this.#calls) if (call.vm === row.spec.name) call.sees(row);
    };
    machine.guests.onMoment = (moment) => this.#turn(moment);
  }

  async run({ clients, world }: Script): Promise<void> {
    await this.#play([
      ...clients.map((steps, index) => this.#client(`client ${index + 1}`, steps)),
      this.#world(world),
    ]);
    const left = this.#machine.host.deps.vms.list();
    await this.#play(
      left.map(({ spec: { name: vm } }) =>
        this.#client('clean-up', [
          { verb: 'unprotect', vm, patience: null },
          { verb: 'delete', vm, patience: null },
        ]),
      ),
    );
    // As the next script begins: what VMs are made of is here.
    await this.#play(
      (['image pull', 'kernel pull'] as const).map((verb) =>
        this.#client('clean-up', [{ verb, vm: 'any', patience: null }]),
      ),
    );
    await this.#machine.clock.advance(AFTERWARDS_MS);
    await quiet();
    expectNothing(this.#machine.host, this.#ids);
    check(this.#machine.guests.open === 0, 'A channel to a guest is still open.');
    check(this.#machine.clock.sleeping === 0, `Timers still run: ${this.#machine.clock.sleeping}.`);
  }

  async #turn(label: string): Promise<void> {
    await this.#schedule.schedule(Promise.resolve(), label);
  }

  /** Gives turns until all actors have played their parts, nobody waits for a turn any more, and what goes by itself is gone. */
  async #play(actors: readonly Promise<void>[]): Promise<void> {
    let over = false;
    void Promise.all(actors).then(
      () => (over = true),
      (thrown: unknown) => (this.#broken ??= { thrown }),
    );
    for (;;) {
      await quiet();
      this.#look();
      if (this.#schedule.count() > 0) {
        this.turns += 1;
        this.#waited = 0;
        await this.#schedule.waitNext(1);
      } else if (over && this.#calls.size === 0 && this.#goingByThemselves.length === 0) return;
      else await this.#letTimePass();
    }
  }

  async #letTimePass(): Promise<void> {
    const { clock } = this.#machine;
    const ms = clock.untilNext;
    const waitsFor = [...this.#calls, ...this.#goingByThemselves.map((vm) => `the end of ${vm}`)];
    check(ms !== undefined && this.#waited < HANG_MS, `Hangs: ${waitsFor.join('; ')}`);
    this.#waited += ms ?? 0;
    await clock.advance(ms ?? 0);
  }

  async #client(name: string, steps: readonly ClientStep[]): Promise<void> {
    for (const { verb, vm, patience } of steps) {
      await this.#turn(`${name} asks: ${verb} ${vm}`);
      while (this.#serves !== undefined) await this.#serves;
      const call = this.#begin(name, verb, vm);
      const ended = call.run((signal) => verbOf(verb).run(this.#machine.host, vm, signal));
      if (patience !== null) void this.#leave(call, patience);
      await Promise.race([ended, this.#killed.promise]);
    }
  }

  async #leave(call: RacingCall, patience: number): Promise<void> {
    for (let left = patience; left > 0 && call.outcome === undefined; left -= 1)
      await this.#turn(`${call.client} waits`);
    await this.#turn(`${call.client} leaves`);
    call.leave();
  }

  #begin(client: string, verb: VerbName, vm: string): RacingCall {
    const call = new RacingCall(client, verb, vm);
    const row = this.#row(vm);
    call.sees(row);
    if (row !== undefined && this.#unsteady(row)) call.vmEnded = true;
    for (const other of this.#calls) {
      if (other.vm !== vm) continue;
      other.meets(call);
      call.joins(other);
    }
    this.#calls.add(call);
    call.id = row?.id;
    return call;
  }

  async #world(steps: readonly WorldStep[]): Promise<void> {
    for (const step of steps) {
      await this.#turn(step.event);
      while (this.#serves !== undefined) await this.#serves;
      if (step.event === 'time passes') await this.#machine.clock.advance(step.ms);
      else if (step.event === 'the daemon is killed') this.#kill();
      else this.#happen(step.event, step.vm);
    }
  }

  #happen(event: EventName, vm: string): void {
    const { host } = this.#machine;
    const row = this.#row(vm);
    const process = host.world.running.find(({ spec }) => spec.id === row?.id);
    if (process === undefined) return;
    for (const call of this.#calls) if (call.vm === vm) call.disturbed = call.vmEnded = true;
    events[event](host, process.pid);
  }

  /** The daemon is killed, with all calls that it served; the next one serves when it has brought rows and host together. */
  #kill(): void {
    this.#calls.clear();
    for (const { id } of this.#machine.host.deps.vms.list()) this.#recovering.add(id);
    this.#killed.resolve('killed');
    this.#killed = Promise.withResolvers();
    const serves = this.#machine.host.restart().then(() => {
      this.#serves = undefined;
    });
    serves.catch((thrown: unknown) => (this.#broken ??= { thrown }));
    this.#serves = serves;
  }

  /** Looks at everything between two turns. */
  #look(): void {
    if (this.#broken !== undefined) throw this.#broken.thrown;
    const { host } = this.#machine;
    for (const id of this.#recovering) if (!host.deps.locks.isBusy(id)) this.#recovering.delete(id);
    expectSound(host, (row) => this.#recovering.has(row.id) || this.#atWork(row));
    for (const { id } of host.deps.vms.list()) this.#ids.add(id);
    for (const call of this.#calls) {
      const row = this.#row(call.vm);
      const now: Seen = row?.state ?? 'absent';
      call.sees(row);
      if (row !== undefined && this.#unsteady(row) && !call.disturbed) call.vmEnded = true;
      if (call.outcome === undefined) continue;
      const wrong = call.wrong(now);
      check(wrong === undefined, wrong ?? '');
      this.#calls.delete(call);
      const deletes = verbOf(call.verb).from.stopped === 'absent';
      if (deletes && call.outcome.ok && call.id !== undefined) this.#deleted.add(call.id);
    }
    for (const id of this.#deleted) {
      check(host.deps.vms.find(id) === undefined, `The VM ${id} was deleted, and is there.`);
      check(
        host.ledgerOf(id).length === 0,
        `The VM ${id} was deleted, and the ledger has ${host.ledgerOf(id).join()}.`,
      );
    }
  }

  /** VMs that go with the call that made them, which is over when no call is at work. */
  get #goingByThemselves(): string[] {
    return this.#machine.host.deps.vms
      .list()
      .flatMap(({ spec, ephemeral }) => (ephemeral ? [spec.name] : []));
  }

  #row(vm: string): VmRow | undefined {
    return this.#machine.host.deps.vms.list().find(({ spec }) => spec.name === vm);
  }

  /** Something goes on in it that no call of a client has begun: it ends, boots again, or a daemon takes it over. */
  #unsteady(row: VmRow): boolean {
    const { deps } = this.#machine.host;
    if (deps.locks.isBusy(row.id)) return !this.#atWork(row);
    return (
      row.state === 'paused' || (row.state === 'running' && deps.live.get(row.id)?.session === undefined)
    );
  }

  #atWork({ spec }: VmRow): boolean {
    return [...this.#calls].some((call) => call.vm === spec.name && call.changes);
  }
}
