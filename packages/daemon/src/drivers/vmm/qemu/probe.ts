import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { Leftover } from '../../../domain/leftover.ts';
import { changedAt } from '../../../host/changed-at.ts';
import type { AccelVerdict, VmmDriver, VmmProbe } from '../driver.ts';
import { endProcess } from './end-process.ts';
import { findByToken } from './find-by-token.ts';
import { checkKvm, KVM_HELLO_MS, type KvmCheckDeps, type ProbeGuest } from './kvm-check.ts';
import { kvmObstacle, type KvmHostFiles } from './kvm-host.ts';
import { readVerdict, writeVerdict, type Verdict } from './kvm-verdict.ts';
import type { InstalledQemu, QemuFinder } from './program.ts';

/** What probing needs. */
export interface ProbeDeps extends KvmCheckDeps {
  /** File of the cached verdict; its directory is there. */
  readonly verdictFile: string;
  /** The kernel and initramfs that VMs boot, made ready when they are not yet. */
  readonly probeGuest: (signal: AbortSignal) => Promise<ProbeGuest>;
  /** `uname -r` and the CPU's model name. */
  readonly machine: { readonly hostKernel: string; readonly cpu: string };
  readonly kvmFiles?: KvmHostFiles;
}

/** Finds QEMU and whether KVM boots a guest under it. Several callers at once share one check. */
export class QemuProbe {
  readonly #deps: ProbeDeps;
  readonly #finder: QemuFinder;
  readonly #token: string;
  #running: Promise<Verdict> | undefined;
  /** Settles when nothing that a check left is being removed. */
  #swept: Promise<void> | undefined;

  constructor(deps: ProbeDeps, finder: QemuFinder) {
    this.#deps = deps;
    this.#finder = finder;
    // Always the same for one cache, so that the guest of a check that was cut short is found and ended by the next daemon.
    this.#token = createHash('sha256').update(deps.verdictFile).digest('hex').slice(0, 32);
  }

  /** See `VmmDriver.probe`. */
  async probe(signal: AbortSignal = new AbortController().signal, onTrial?: () => void): Promise<VmmProbe> {
    await this.#sweepOnce();
    const qemu = await this.#finder.find(signal);
    return { binary: qemu.binary, version: qemu.version, accel: await this.#accel(qemu, signal, onTrial) };
  }

  /** See `VmmDriver.look`. */
  async look(): ReturnType<VmmDriver['look']> {
    const qemu = await this.#finder.find();
    const accel = await this.#known(qemu);
    return { binary: qemu.binary, version: qemu.version, ...(accel === undefined ? {} : { accel }) };
  }

  /** See `VmmDriver.leftovers`. A check's directory is made before its guest and removed after it. */
  async leftovers(): Promise<readonly Leftover[]> {
    const { dir } = this.#deps;
    const since = await changedAt(dir);
    // One may have begun meanwhile.
    if (since === undefined || this.#running !== undefined) return [];
    return [{ what: `check of KVM in ${dir}`, action: 'delete it', since, remove: () => this.#remove() }];
  }

  async #accel(
    qemu: InstalledQemu,
    signal: AbortSignal,
    onTrial: (() => void) | undefined,
  ): Promise<AccelVerdict> {
    const known = await this.#known(qemu);
    if (known !== undefined) return known;
    onTrial?.();
    this.#running ??= this.#check(qemu).finally(() => {
      this.#running = undefined;
    });
    return { ...accelOf(await unlessAborted(this.#running, signal)), cached: false };
  }

  /** What can be said without booting anything. */
  async #known(qemu: InstalledQemu): Promise<AccelVerdict | undefined> {
    const { clock, verdictFile, kvmFiles } = this.#deps;
    const obstacle = await kvmObstacle(kvmFiles);
    if (obstacle !== undefined) return { accel: 'tcg', ...obstacle, checkedAt: clock.now(), cached: false };
    const stored = await readVerdict(verdictFile, this.#key(qemu), clock.now());
    return stored === undefined ? undefined : { ...accelOf(stored), cached: true };
  }

  /** Not ended with its first caller: the others wait for it too, and its result is kept. */
  async #check(qemu: InstalledQemu): Promise<Verdict> {
    await this.#swept;
    const { signal } = new AbortController();
    const guest = await this.#deps.probeGuest(signal);
    const finding = await checkKvm(
      this.#deps,
      qemu,
      guest,
      { accel: 'kvm', token: this.#token, limitMs: KVM_HELLO_MS },
      signal,
    );
    const verdict = { ...finding, checkedAt: this.#deps.clock.now() };
    await writeVerdict(this.#deps.verdictFile, this.#key(qemu), verdict);
    return verdict;
  }

  #key({ version }: InstalledQemu) {
    return { ...this.#deps.machine, vmm: `qemu ${version}` };
  }

  /** Before any check of ours has begun, which carries the same token and has the same directory. */
  #sweepOnce(): Promise<void> {
    return (this.#swept ??= this.#sweep());
  }

  /** Ends what a check of a daemon before left running. */
  async #sweep(): Promise<void> {
    for (const process of await findByToken(this.#token, this.#deps.processes))
      await endProcess(this.#deps, process);
    await rm(this.#deps.dir, { recursive: true, force: true });
  }

  /** Removes what a check left; a check that begins meanwhile waits, because it has the same token and directory. */
  async #remove(): Promise<void> {
    if (this.#running !== undefined) return;
    this.#swept = this.#sweep();
    try {
      await this.#swept;
    } catch (error) {
      // The next check must try again: it cannot run beside what is left.
      this.#swept = undefined;
      throw error;
    }
  }
}

function accelOf({ works, reason, checkedAt }: Verdict): Omit<AccelVerdict, 'cached'> {
  return { accel: works ? 'kvm' : 'tcg', reason, fix: '', checkedAt };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new BangerError('cancelled', 'The check of KVM was cancelled.'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    promise.catch(() => undefined);
    work.catch(() => undefined);
  }
}
