import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { Runner } from '../../../host/runner.ts';
import type { QemuProgram } from './launch.ts';

const BINARY = 'qemu-system-x86_64';
/** `-netdev stream` came with it. */
const OLDEST = [7, 2] as const;
/**
 * qboot, which comes with QEMU, does no more than a PVH boot needs: under TCG 4-15 % less time to the agent than SeaBIOS. It tells an ELF kernel
 * by a header that QEMU keeps on its stack (`FW_CFG_SETUP_DATA` of `x86_load_linux`, hw/i386/x86.c): a warning that QEMU prints once the
 * machine is made overwrites that, and the guest never starts. QMP does not, it has stacks of its own. So no argument may make QEMU warn,
 * as a NIC on a hub that leads nowhere does.
 */
const FIRMWARE = 'qboot.rom';
/** `--version` and `-L help` print and end; on a busy machine loading QEMU takes a second. */
const ANSWER_MS = 10_000;

/** QEMU as it is installed. */
export interface InstalledQemu extends QemuProgram {
  /** As `7.2.22`. */
  readonly version: string;
}

/** Finds QEMU, its version and its firmware; asks it only when its file has changed since the last time. */
export class QemuFinder {
  readonly #runner: Runner;
  #known: { readonly file: string; readonly qemu: InstalledQemu } | undefined;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** Rejects with `missing_tool` when it is not installed, `vmm_failed` when it is too old or does not say its version. */
  async find(signal?: AbortSignal): Promise<InstalledQemu> {
    const binary = await this.#runner.which(BINARY);
    if (binary === undefined)
      throw new BangerError('missing_tool', `The program ${BINARY} is not installed.`, {
        details: { program: BINARY },
      });
    const { ino, size, mtimeMs } = await stat(binary);
    const file = [binary, ino, size, mtimeMs].join(' ');
    if (this.#known?.file !== file) this.#known = { file, qemu: await this.#ask(binary, signal) };
    return this.#known.qemu;
  }

  async #ask(binary: string, signal: AbortSignal | undefined): Promise<InstalledQemu> {
    const options = { timeoutMs: ANSWER_MS, ...(signal === undefined ? {} : { signal }) };
    const [said, directories] = await Promise.all([
      this.#runner.run([binary, '--version'], options),
      this.#runner.run([binary, '-L', 'help'], options),
    ]);
    return { binary, version: versionOf(said.stdout), firmware: await firmwareIn(directories.stdout) };
  }
}

function versionOf(stdout: string): string {
  const match = /^QEMU emulator version (\d+)\.(\d+)\.(\d+)/.exec(stdout);
  if (match === null)
    throw new BangerError('vmm_failed', `${BINARY} --version says no version: ${stdout.slice(0, 80).trim()}`);
  const [major, minor, micro] = match.slice(1).map(Number) as [number, number, number];
  const version = `${major}.${minor}.${micro}`;
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return version;
  throw new BangerError(
    'vmm_failed',
    `QEMU ${version} is too old: banger needs ${OLDEST.join('.')} or newer.`,
    {
      hint: 'Install a newer qemu-system-x86.',
      details: { version },
    },
  );
}

/** The firmware's name when one of QEMU's own directories has it, as some distributions package it apart. */
async function firmwareIn(directories: string): Promise<string | undefined> {
  for (const directory of directories.split('\n').filter((line) => line !== '')) {
    try {
      await access(join(directory.trim(), FIRMWARE));
      return FIRMWARE;
    } catch {
      continue;
    }
  }
  return undefined;
}
