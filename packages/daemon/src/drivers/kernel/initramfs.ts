import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import { writeCpio, type CpioEntry } from './cpio.ts';
import { closeModules } from './module-closure.ts';
import type { ModuleTree } from './module-tree.ts';
import { wantedModules } from './wanted-modules.ts';

/** Counted up whenever the same agent and modules would give another initramfs; stored ones are then rebuilt. */
export const INITRAMFS_LAYOUT = 1;

/** A distribution's own have some 50 MB, and all of it is in the guest's memory. */
const MOST_INITRD_BYTES = 512 * 1024 ** 2;
/** As an archive that the kernel unpacks begins: cpio "newc", gzip, bzip2, LZMA, xz, LZO, LZ4, zstd (lib/decompress.c). */
const INITRD_MAGICS = [
  ...['070701', '070702', '\x1f\x8b', 'BZh', '\x5d\0\0', '\xfd7zXZ\0', '\x89LZO'],
  ...['\x02\x21\x4c\x18', '\x28\xb5\x2f\xfd'],
];

/** An initramfs and what it was made from. */
export interface Initramfs {
  readonly image: Buffer;
  /** File names below /modules, in load order. */
  readonly modules: readonly string[];
}

/** The agent: a static binary. */
export interface AgentBinary {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** Reads the agent's binary. Rejects with `missing_tool` when it has not been built. */
export async function readAgent(path: string): Promise<AgentBinary> {
  try {
    const bytes = await readFile(path);
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (cause) {
    throw new BangerError('missing_tool', `The guest agent ${path} cannot be read.`, {
      cause,
      hint: 'In a checkout, build it with `make agent`; an installed banger is incomplete, install it again.',
      details: { path },
    });
  }
}

/**
 * Builds the initramfs: the agent as /init, the modules that a guest needs with their load order, the nodes that a
 * process needs before /dev is mounted. It is not compressed: to expand it costs the guest more than to load it.
 * Rejects with `kernel_invalid` when the kernel lacks what a boot needs. `modules` is absent for a kernel that has none. An
 * `initrd` comes before it: the kernel unpacks one after the other, so that its files are there and /init is the agent's
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
export async function buildInitramfs(
  agent: AgentBinary,
  modules: ModuleTree | undefined,
  initrd?: Buffer,
): Promise<Initramfs> {
  const files = modules === undefined ? [] : await moduleFiles(modules);
  const names = files.map(({ name }) => name);
  const order = Buffer.from(names.map((name) => `${name}\n`).join(''));
  const entries: CpioEntry[] = [
    { kind: 'directory', name: 'dev', mode: 0o755 },
    // The kernel opens /dev/console for init before anything could be mounted.
    { kind: 'character-device', name: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'character-device', name: 'dev/null', mode: 0o666, major: 1, minor: 3 },
    ...['proc', 'sys', 'run', 'newroot'].map((name) => ({ kind: 'directory' as const, name, mode: 0o755 })),
    { kind: 'file', name: 'init', mode: 0o755, content: agent.bytes },
    { kind: 'directory', name: 'modules', mode: 0o755 },
    { kind: 'file', name: 'modules/order', mode: 0o644, content: order },
    ...files.map(({ name, content }) => ({
      kind: 'file' as const,
      name: `modules/${name}`,
      mode: 0o644,
      content,
    })),
  ];
  return { image: behind(initrd, writeCpio(entries)), modules: names };
}

/**
 * Reads an initramfs of the user's. Rejects with `invalid_argument` when it cannot be read, `kernel_invalid` when it is none that a kernel
 * unpacks.
 */
export async function readInitrd(path: string): Promise<Buffer> {
  try {
    const info = await stat(path);
    if (!info.isFile()) throw new Error('it is no file');
    if (info.size > MOST_INITRD_BYTES) throw notAnInitrd(path, `it has ${info.size} bytes`);
    const bytes = await readFile(path);
    const head = bytes.toString('latin1', 0, 6);
    if (!INITRD_MAGICS.some((magic) => head.startsWith(magic)))
      throw notAnInitrd(path, 'it is neither a cpio archive nor packed as one can be');
    return bytes;
  } catch (cause) {
    if (isBangerError(cause)) throw cause;
    throw new BangerError('invalid_argument', `The initrd ${path} cannot be read.`, { cause });
  }
}

function notAnInitrd(path: string, why: string): BangerError {
  return new BangerError('kernel_invalid', `${path} is no initrd: ${why}.`, { details: { file: path } });
}

/** Ours behind theirs, at a multiple of four bytes, as a cpio archive that is not packed must lie. */
function behind(initrd: Buffer | undefined, ours: Buffer): Buffer {
  if (initrd === undefined) return ours;
  return Buffer.concat([initrd, Buffer.alloc(-initrd.length & 3), ours]);
}

async function moduleFiles(modules: ModuleTree): Promise<readonly { name: string; content: Buffer }[]> {
  const files: { name: string; content: Buffer }[] = [];
  for (const name of await loadOrder(modules))
    files.push({ name: modules.fileName(name), content: await modules.bytes(name) });
  return files;
}

async function loadOrder(modules: ModuleTree): Promise<readonly string[]> {
  const { order, missing } = await closeModules(wantedModules, modules);
  if (missing.length === 0) return order;
  const names = [...new Set(missing.map(({ name }) => name))];
  throw new BangerError(
    'kernel_invalid',
    `The kernel lacks what a boot needs, as module and built in: ${names.join(', ')}.`,
    { hint: 'Import its modules with it, or use a kernel that has them.', details: { missing: names } },
  );
}
