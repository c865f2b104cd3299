import { z } from 'zod';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { Runner } from '../../../host/runner.ts';

const BINARY = 'qemu-img';
/** Each of these looks only at a disk's tables: 1 TiB has 160 MiB of them. A stuck host disk is no reason to wait longer. */
const ANSWER_MS = 60_000;

/** Exit codes of `qemu-img check` (qemu-img(1)): sound, tables inconsistent, clusters that nobody uses. */
const CORRUPT = 2;
const LEAKED = 3;

const infoSchema = z.object({
  format: z.string(),
  'virtual-size': z.number(),
  'full-backing-filename': z.string().optional(),
  'format-specific': z.object({ data: z.object({ corrupt: z.boolean().optional() }) }).optional(),
});

/** What a qcow2 file says of itself. */
export interface Qcow2Info {
  readonly virtualBytes: number;
  /** Absolute path of the base; undefined when it has none. */
  readonly base: string | undefined;
  /** QEMU found it inconsistent once and marked it. */
  readonly corrupt: boolean;
}

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

/** Reads a qcow2 file's header, not its base. Rejects with `file_damaged` when it cannot be read as one. */
export async function qcow2Info(runner: Runner, path: string): Promise<Qcow2Info> {
  const { stdout } = await damagedWhenFailed(path, () =>
    runner.run([BINARY, 'info', '--output=json', '-f', 'qcow2', path], { timeoutMs: ANSWER_MS }),
  );
  const info = infoSchema.parse(JSON.parse(stdout));
  return {
    virtualBytes: info['virtual-size'],
    base: info['full-backing-filename'],
    corrupt: info['format-specific']?.data.corrupt === true,
  };
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
