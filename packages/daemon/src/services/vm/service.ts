import type { VmCopyIn, VmCopyOut } from '@banger/contract/copy';
import type { VmExec } from '@banger/contract/exec';
import type { VmPinged, VmPort, VmStats } from '@banger/contract/guest';
import type { ResultOf } from '@banger/contract/methods';
import type { VmPlan, VmSpec, VmSpecChange, VmView, VmWish } from '@banger/contract/vm';
import type { Readable } from 'node:stream';
import type { GuestExec } from '../../drivers/guest/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { inBackground } from '../background.ts';
import { copyIntoVm, copyOutOfVm, type GuestTree, type TakeTree } from './copy.ts';
import { createHeld, reserve } from './create.ts';
import { deleteHeld, refuseHalfDeleted } from './delete.ts';
import type { VmDeps } from './deps.ts';
import { execInVm } from './exec.ts';
import { readConsole } from './logs.ts';
import { pingVm } from './ping.ts';
import type { HoldOptions } from './locks.ts';
import { planVm } from './plan.ts';
import { portsOf } from './ports.ts';
import { protectHeld, refuseProtected } from './protection.ts';
import { prunable, prune } from './prune.ts';
import { resetHeld } from './reset.ts';
import { resolveVm, resolveWhole } from './resolve.ts';
import { setHeld } from './set.ts';
import { startHeld, startUnlessRunning } from './start.ts';
import { sampleVm } from './stats.ts';
import { parseSignal } from './signal.ts';
import { killHeld, stopHeld } from './stop.ts';
import { viewOf } from './view.ts';
import { BangerError } from '@banger/contract/error';

/** How a VM is made. */
export interface CreateOptions {
  readonly start: boolean;
  readonly waitInit: boolean;
  /** Delete it, once it has been up, when this fires. */
  readonly until?: AbortSignal;
}

/** The use cases of VMs. Each takes the VM's lock for as long as it lasts, but for those that only look or open streams. */
export class VmService {
  readonly #deps: VmDeps;

  constructor(deps: VmDeps) {
    this.#deps = deps;
  }

  plan(wish: VmWish): Promise<VmPlan> {
    return planVm(this.#deps, wish);
  }

  async list(): Promise<VmView[]> {
    return Promise.all(this.#deps.vms.list().map((row) => viewOf(this.#deps, row)));
  }

  async show(vm: string): Promise<VmView> {
    return viewOf(this.#deps, this.#resolve(vm));
  }

  async create(spec: VmSpec, options: CreateOptions, signal: AbortSignal): Promise<VmView> {
    // Who asked for a VM that runs has nothing before it does: until then the next daemon deletes it.
    const reserved = reserve(this.#deps, spec, options.start);
    // The lock is free, as nobody knows the VM yet: the caller's signal is for the work, whose undo removes the row.
    const row = await this.#deps.locks.hold(reserved.id, { preemptible: true }, async (held) => {
      const either = AbortSignal.any([held, signal]);
      const made = await createHeld(this.#deps, reserved, either);
      return options.start ? this.#startNew(made, options, either, signal) : made;
    });
    return viewOf(this.#deps, row);
  }

  start(vm: string, waitInit: boolean, signal: AbortSignal): Promise<VmView> {
    return this.#change(vm, { signal, preemptible: true }, ({ id }, held) =>
      startUnlessRunning(this.#deps, id, { waitInit }, held),
    );
  }

  stop(vm: string, force: boolean, signal: AbortSignal): Promise<VmView> {
    return this.#change(vm, { signal, preempt: true, force }, async ({ id, spec }) => {
      if (this.#deps.vms.find(id) === undefined)
        throw new BangerError(
          'vm_not_found',
          `${spec.name} was still being made: that was cancelled, and nothing is left.`,
        );
      return stopHeld(this.#deps, id, { force });
    });
  }

  restart(vm: string, waitInit: boolean, signal: AbortSignal): Promise<VmView> {
    return this.#change(vm, { signal, preemptible: true }, async ({ id }, held) => {
      const { state } = this.#deps.vms.get(id);
      const startAgain = state === 'running' || state === 'paused';
      await stopHeld(this.#deps, id, { force: false, startAgain });
      return startHeld(this.#deps, id, { waitInit }, held);
    });
  }

  async reset(vm: string, waitInit: boolean, signal: AbortSignal): Promise<VmView> {
    const { id: whole } = resolveWhole(vm, this.#deps.vms.list());
    return this.#change(whole, { signal, preemptible: true }, ({ id }, held) =>
      resetHeld(this.#deps, id, { waitInit }, held),
    );
  }

  set(vm: string, change: VmSpecChange, signal: AbortSignal): Promise<VmView> {
    return this.#change(vm, { signal, preemptible: true }, ({ id }, held) =>
      setHeld(this.#deps, id, change, held),
    );
  }

  protect(vm: string, kept: boolean, signal: AbortSignal): Promise<VmView> {
    return this.#change(vm, { signal }, async ({ id }) => protectHeld(this.#deps, id, kept));
  }

  async kill(vm: string, signalName: string, signal: AbortSignal): Promise<VmView> {
    const name = parseSignal(signalName);
    return this.#change(vm, { signal, preempt: true, force: true }, (found) =>
      killHeld(this.#deps, found, name),
    );
  }

  async delete(vm: string, signal?: AbortSignal): Promise<ResultOf<'vm.delete'>> {
    const found = resolveWhole(vm, this.#deps.vms.list());
    // Before the call at work is cancelled for it; and again, for it may come to be protected while this waits.
    refuseProtected(found);
    const { id, spec } = found;
    const options = { preempt: true, force: true, ...(signal === undefined ? {} : { signal }) };
    const deleted = await this.#deps.locks.hold(id, options, async () => {
      const now = this.#deps.vms.find(id);
      if (now !== undefined) refuseProtected(now);
      return deleteHeld(this.#deps, id);
    });
    // Whoever asked at the same time as somebody else is told the same.
    return { ...deleted, name: spec.name };
  }

  prunable(): Promise<VmView[]> {
    return Promise.all(prunable(this.#deps).map((row) => viewOf(this.#deps, row)));
  }

  async prune(vm: string, signal: AbortSignal): Promise<ResultOf<'vm.prune'>> {
    return prune(this.#deps, resolveWhole(vm, this.#deps.vms.list()), signal);
  }

  /** Uses the VM until the command has ended. */
  exec(request: VmExec, signal: AbortSignal): Promise<GuestExec> {
    const row = this.#resolve(request.vm);
    return this.#deps.uses.open(
      row.id,
      () => execInVm(this.#deps, row, request, signal),
      ({ exit }, ended) => void exit.then(ended, ended),
    );
  }

  ping(vm: string, count: number, signal: AbortSignal): Promise<VmPinged> {
    return pingVm(this.#deps, this.#resolve(vm), count, signal);
  }

  stats(vm: string, signal: AbortSignal): Promise<VmStats> {
    return sampleVm(this.#deps, this.#resolve(vm), signal);
  }

  ports(vm: string, probe: boolean, signal: AbortSignal): Promise<VmPort[]> {
    return portsOf(this.#deps, this.#resolve(vm), probe, signal);
  }

  copyOut(request: VmCopyOut, signal: AbortSignal): Promise<GuestTree> {
    const row = this.#resolve(request.vm);
    return this.#deps.uses.open(
      row.id,
      () => copyOutOfVm(this.#deps, row, request, signal),
      ({ bytes }, ended) => void bytes.once('close', ended),
    );
  }

  async copyIn(request: VmCopyIn): Promise<TakeTree> {
    const row = this.#resolve(request.vm);
    const take = await copyIntoVm(this.#deps, row, request);
    return (tree, signal) => this.#deps.uses.during(row.id, () => take(tree, signal));
  }

  logs(
    vm: string,
    options: { readonly follow: boolean; readonly lines?: number },
    signal: AbortSignal,
  ): Readable {
    const { id } = this.#resolve(vm);
    const path = this.#deps.layout.vm(id).console;
    const exists = (): boolean => this.#deps.vms.find(id) !== undefined;
    const console = readConsole({ path, ...options, exists }, this.#deps.clock, signal);
    if (options.follow) console.once('close', this.#deps.uses.begin(id));
    return console;
  }

  /** Changes a VM, as it was found, under its lock. One of which some is gone already is left to its deletion. */
  async #change(
    vm: string,
    options: HoldOptions,
    work: (found: VmRow, held: AbortSignal) => Promise<VmRow>,
  ): Promise<VmView> {
    const found = this.#resolve(vm);
    this.#deps.uses.touch(found.id);
    const row = await this.#deps.locks.hold(found.id, options, async (held) => {
      const now = this.#deps.vms.find(found.id);
      if (now !== undefined) refuseHalfDeleted(now);
      return work(found, held);
    });
    return viewOf(this.#deps, row);
  }

  /** Starts a VM just made. One cancelled before it was up leaves nothing; one that failed is kept, for its log to be read. */
  async #startNew(
    made: VmRow,
    { waitInit, until }: CreateOptions,
    signal: AbortSignal,
    caller: AbortSignal,
  ): Promise<VmRow> {
    try {
      const first = { ephemeral: until !== undefined };
      const row = await startHeld(this.#deps, made.id, { waitInit, first }, signal);
      if (until !== undefined) this.#tie(row, until);
      return row;
    } catch (error) {
      // Another call that cancelled the start has plans of its own with the VM.
      if (caller.aborted) await deleteHeld(this.#deps, made.id);
      else this.#deps.vms.update(made.id, { ephemeral: false });
      throw error;
    }
  }

  /** From now on the VM goes when the signal fires. That is work of the daemon, which waits for it at its own end. */
  #tie({ id, spec }: VmRow, until: AbortSignal): void {
    const remove = (): void => {
      // Its client has deleted it, and then gone.
      if (this.#deps.vms.find(id) === undefined) return;
      inBackground(this.#deps.log, 'deletion of an ephemeral VM', () =>
        this.#deps.asOperation(
          'vm.delete',
          () => this.#deps.locks.hold(id, { preempt: true, force: true }, () => deleteHeld(this.#deps, id)),
          { kind: 'vm', name: spec.name },
        ),
      );
    };
    if (until.aborted) remove();
    else until.addEventListener('abort', remove, { once: true });
  }

  #resolve(vm: string): VmRow {
    return resolveVm(vm, this.#deps.vms.list());
  }
}
