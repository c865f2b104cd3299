import { BangerError, isBangerError } from '@banger/contract/error';
import type { Runner } from '../../../host/runner.ts';

const BINARY = 'qemu-img';
/** Each of these looks only at a disk's tables: 1 TiB has 160 MiB of them. A stuck host disk is no reason to wait longer. */
const ANSWER_MS = 60_000;

/** Exit codes of `qemu-img check` (qemu-img(1)): sound, tables inconsistent, clusters that nobody uses. */
const CORRUPT = 2;
const LEAKED = 3;

/** Makes an overlay of `bytes` over a raw base in an existing file. */
export async function createOverlay(
  runner: Runner,
  overlay: {
    readonly path: string;
    readonly base: string;
    readonly bytes: number;
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  const { path, base, bytes, signal } = overlay;
  await runner.run([BINARY, 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base, path, String(bytes)], {
    timeoutMs: ANSWER_MS,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Checks a qcow2 file's tables. Rejects with `file_damaged` when they are inconsistent; unused clusters are harmless. */
export async function checkQcow2(runner: Runner, path: string): Promise<void> {
  const { exitCode } = await damagedWhenFailed(path, () =>
    runner.run([BINARY, 'check', '-q', '-f', 'qcow2', path], {
      timeoutMs: ANSWER_MS,
      okExitCodes: [0, CORRUPT, LEAKED],
    }),
  );
  if (exitCode === CORRUPT) throw damaged(path, 'its tables are inconsistent');
}

/** Gives a qcow2 file another size. */
export async function resizeQcow2(runner: Runner, path: string, bytes: number): Promise<void> {
  await runner.run([BINARY, 'resize', '-q', '-f', 'qcow2', path, String(bytes)], { timeoutMs: ANSWER_MS });
}

/** The error for a disk that no VM should be started on. */
export function damaged(path: string, what: string, cause?: unknown): BangerError {
  return new BangerError('file_damaged', `The disk ${path} cannot be used: ${what}.`, {
    cause,
    hint: 'Delete the VM, or put a sound copy of the disk in its place.',
    details: { path },
  });
}

async function damagedWhenFailed<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isBangerError(error, 'command_failed')) throw error;
    if (/Failed to get .*lock/.test(error.message))
      throw new BangerError('vm_state', `The disk ${path} is in use.`, { cause: error, details: { path } });
    throw damaged(path, error.message, error);
  }
}
