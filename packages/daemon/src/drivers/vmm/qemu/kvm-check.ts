import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBangerError, toBangerError } from '@banger/contract/error';
import type { Accel, RunningVmm, VmmEnd, VmSpec } from '../driver.ts';
import { DYING_MS } from './end-process.ts';
import { launchQemu, type LaunchDeps, type QemuProgram } from './launch.ts';
import { logTail } from './log-tail.ts';

/**
 * From the start of QEMU to the agent's hello. Translated, the same guest needs 2-4 s on a quiet machine: a KVM that
 * takes longer than this is of no use even where it works.
 */
export const KVM_HELLO_MS = 10_000;

/** Id of the guest. */
const ID = 'kvm-check';

/** Serials of the guest's disks, which are empty: as in a VM, the agent mounts them before it answers. */
const DISK_SERIALS = ['root', 'work'];

/** Enough for kernel and initramfs; as small as can be, because the guest runs only for a second. */
const MEMORY_MIB = 256;
/** Two, as a VM has: bringing up the second CPU is where an incomplete KVM may fail. */
const VCPU = 2;

/** The guest that KVM is tried with: the kernel, initramfs and command line that VMs are started with. */
export interface ProbeGuest {
  readonly kernel: string;
  readonly initrd: string;
  /** Names the disks `root` and `work`. */
  readonly cmdline: string;
}

/** How to try it. */
export interface Trial {
  /** Other than KVM only to see that the check itself can say yes. */
  readonly accel: Accel;
  readonly token: string;
  /** Milliseconds from the start of QEMU to the agent's hello. */
  readonly limitMs: number;
}

/** What booting under KVM showed. */
export interface KvmFinding {
  readonly works: boolean;
  readonly reason: string;
  /** False when a busy machine or another circumstance may be to blame, and it is worth trying again some day. */
  readonly final: boolean;
}

export interface KvmCheckDeps extends LaunchDeps {
  /** Private directory for the guest's sockets and logs; made for the check and removed after it. */
  readonly dir: string;
  /** Makes an empty ext4 file system at this path. */
  readonly scratchDisk: (path: string, signal: AbortSignal) => Promise<void>;
  /** Resolves when the agent behind this socket has answered a hello; rejects when the signal fires. */
  readonly hello: (agentSocket: string, signal: AbortSignal) => Promise<void>;
}

/**
 * Boots a guest to the agent's hello. Rejects with `cancelled`, or when there is nothing to boot; any failure of QEMU, of
 * the accelerator or the guest is a finding.
 */
export async function checkKvm(
  deps: KvmCheckDeps,
  program: QemuProgram,
  guest: ProbeGuest,
  trial: Trial,
  signal: AbortSignal,
): Promise<KvmFinding> {
  await rm(deps.dir, { recursive: true, force: true });
  await mkdir(deps.dir, { recursive: true, mode: 0o700 });
  try {
    const spec = specOf(deps.dir, guest, trial);
    await Promise.all(spec.disks.map(({ path }) => deps.scratchDisk(path, signal)));
    return await boot(deps, program, spec, trial.limitMs, signal);
  } finally {
    await rm(deps.dir, { recursive: true, force: true });
  }
}

async function boot(
  deps: KvmCheckDeps,
  program: QemuProgram,
  spec: VmSpec,
  limitMs: number,
  signal: AbortSignal,
): Promise<KvmFinding> {
  const { clock } = deps;
  const began = clock.monotonic();
  const seconds = (): string => ((clock.monotonic() - began) / 1000).toFixed(1);
  let running: RunningVmm;
  try {
    running = await launchQemu(deps, program, spec, signal);
  } catch (error) {
    // Only a QEMU that began and ended speaks of KVM; a missing kernel or a cancelled call does not.
    if (!isBangerError(error, 'vmm_failed') || error.details['log'] === undefined) throw error;
    return { works: false, reason: error.message, final: blamesKvm(error.message, spec.dir) };
  }
  const stop = new AbortController();
  const late = clock.sleep(limitMs, stop.signal).then(() => 'late' as const);
  late.catch(() => undefined);
  const answered = deps.hello(running.handle.agentSocket, AbortSignal.any([signal, stop.signal])).then(
    () => 'hello' as const,
    async (error: unknown) => {
      // The channel of a VMM that ends breaks first: its own end says more.
      await clock.sleep(DYING_MS);
      throw error;
    },
  );
  try {
    const outcome = await Promise.race([answered, running.ended, late]);
    if (outcome === 'hello') {
      const name = spec.accel === 'kvm' ? 'KVM' : 'TCG';
      return { works: true, reason: `A guest booted under ${name} in ${seconds()} s.`, final: true };
    }
    return await failure(outcome === 'late' ? undefined : outcome, spec, seconds());
  } catch (error) {
    if (signal.aborted) throw error;
    return {
      works: false,
      reason: `The agent's channel failed: ${toBangerError(error).message}`,
      final: false,
    };
  } finally {
    stop.abort();
    await running.kill('SIGKILL');
  }
}

async function failure(
  end: VmmEnd | undefined,
  { consoleLog, dir }: VmSpec,
  seconds: string,
): Promise<KvmFinding> {
  const lines = await logTail(consoleLog, 0);
  const shown = lines.length === 0 ? 'Its kernel printed nothing.' : `Its last lines: ${lines.join(' / ')}`;
  if (end === undefined)
    return { works: false, reason: `A guest did not boot within ${seconds} s. ${shown}`, final: false };
  if (end.kind === 'vmm-died')
    return {
      works: false,
      reason: `QEMU failed after ${seconds} s: ${end.detail}. ${shown}`,
      final: blamesKvm(end.detail, dir),
    };
  return { works: false, reason: `The guest ended after ${seconds} s (${end.kind}). ${shown}`, final: false };
}

/** QEMU's last words speak of KVM or of the CPU, and not of memory, a file of the check, or somebody's kill. */
function blamesKvm(words: string, dir: string): boolean {
  const said = words.replaceAll(dir, '').replaceAll(`-${ID}`, '');
  return /\bkvm|\b(msr|cpuid)\b|internal error/i.test(said) && !/cannot allocate memory/i.test(said);
}

function specOf(dir: string, guest: ProbeGuest, { accel, token }: Trial): VmSpec {
  const disks = DISK_SERIALS.map((serial) => ({
    serial,
    path: join(dir, `${serial}.ext4`),
    format: 'raw' as const,
  }));
  return {
    ...guest,
    id: ID,
    token,
    dir,
    accel,
    vcpu: VCPU,
    memoryMib: MEMORY_MIB,
    disks,
    network: { kind: 'none' },
    consoleLog: join(dir, 'console.log'),
    vmmLog: join(dir, 'vmm.log'),
  };
}
