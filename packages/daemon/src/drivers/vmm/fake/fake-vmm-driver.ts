import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { checkSpec } from '../check-spec.ts';
import type { Leftover } from '../../../domain/leftover.ts';
import type { FoundVmm, RunningVmm, VmmDriver, VmmFeatures, VmmHandle, VmmProbe, VmSpec } from '../driver.ts';
import { FakeRunningVmm } from './fake-running-vmm.ts';
import type { FakeVmmProcess, FakeVmmWorld } from './fake-vmm-world.ts';

const VERSION = '1.0.0';

/** A driver whose VMMs exist only in a world of the test's, as strict as the QEMU driver: one contract suite holds for both. */
export class FakeVmmDriver implements VmmDriver {
  readonly kind = 'fake';
  readonly features: VmmFeatures = { pause: true, snapshot: false, resizeDisk: true, reboot: true };
  readonly #world: FakeVmmWorld;

  constructor(world: FakeVmmWorld) {
    this.#world = world;
  }

  async probe(signal?: AbortSignal, onTrial?: () => void): Promise<VmmProbe> {
    checkSignal(signal);
    onTrial?.();
    const accel = {
      accel: 'tcg',
      reason: 'A fake VMM translates nothing.',
      fix: '',
      checkedAt: 0,
      cached: false,
    } as const;
    return { binary: '/nonexistent/fake-vmm', version: VERSION, accel };
  }

  look(): ReturnType<VmmDriver['look']> {
    return this.probe();
  }

  /** A fake probe is over at once. */
  leftovers(): Promise<readonly Leftover[]> {
    return Promise.resolve([]);
  }

  async launch(spec: VmSpec, signal?: AbortSignal): Promise<RunningVmm> {
    const control = join(spec.dir, 'control.sock');
    const agent = join(spec.dir, 'agent.sock');
    await checkSpec(spec, [control, agent]);
    checkSignal(signal);
    this.#checkDisksFree(spec);
    const process = this.#world.start(spec);
    const handle: VmmHandle = {
      driver: 'fake',
      id: spec.id,
      token: spec.token,
      process: this.#identity(process),
      controlSocket: control,
      agentSocket: agent,
      version: VERSION,
      accel: spec.accel,
      vmmLog: spec.vmmLog,
    };
    return new FakeRunningVmm(handle, this.#world, process);
  }

  async restore(): Promise<RunningVmm> {
    throw new BangerError('not_supported', 'Fake VMs cannot be started from a snapshot.');
  }

  async attach(handle: VmmHandle): Promise<RunningVmm> {
    if (handle.driver !== 'fake')
      throw new BangerError('internal', 'A stored VMM handle is not one of the fake driver.');
    const process = this.#process(handle);
    if (process === undefined || process.end !== undefined)
      throw new BangerError('vmm_gone', `The fake VMM, process ${handle.process.pid}, has ended.`);
    return new FakeRunningVmm(handle, this.#world, process);
  }

  async remove(token: string, handle?: VmmHandle): Promise<void> {
    const known = handle === undefined ? undefined : this.#process(handle);
    for (const process of this.#world.running)
      if (process === known || process.spec.token === token)
        this.#world.exit(process, { kind: 'killed', detail: 'SIGTERM' });
  }

  async find(directory: string): Promise<readonly FoundVmm[]> {
    return this.#world.running
      .filter(({ spec }) => spec.consoleLog.startsWith(`${directory}/`))
      .map((process) => ({
        id: process.spec.id,
        token: process.spec.token,
        process: this.#identity(process),
        startedAt: process.startedAt,
      }));
  }

  #identity({ pid, startTicks }: FakeVmmProcess): VmmHandle['process'] {
    return { pid, startTicks, bootId: this.#world.bootId };
  }

  #process({ process: { pid, startTicks, bootId } }: VmmHandle): FakeVmmProcess | undefined {
    const process = this.#world.find(pid);
    return process?.startTicks === startTicks && bootId === this.#world.bootId ? process : undefined;
  }

  /** A real VMM locks the files of its disks for writing. */
  #checkDisksFree(spec: VmSpec): void {
    const wanted = new Set(spec.disks.filter(({ readOnly }) => readOnly !== true).map(({ path }) => path));
    for (const process of this.#world.running)
      for (const { path } of process.spec.disks)
        if (wanted.has(path))
          throw new BangerError(
            'vmm_failed',
            `The fake VMM ended at its start: another process uses ${path}.`,
          );
  }
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new BangerError('cancelled', 'The start of the virtual machine was cancelled.');
}
