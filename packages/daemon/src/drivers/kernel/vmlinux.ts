import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { Runner } from '../../host/runner.ts';
import { isBzImage, readBzImage } from './bzimage.ts';
import { ElfFile } from './elf.ts';
import { expand, MAX_VMLINUX_BYTES } from './payload.ts';

/** A kernel that a VMM can boot by PVH. */
export interface Vmlinux {
  readonly bytes: Buffer;
  readonly sha256: string;
  /** As `uname -r` says it. */
  readonly release: string;
}

/** The note that carries the 32-bit entry point of the PVH boot protocol (Xen, public/elfnote.h). */
const PVH_NOTE = { name: 'Xen', type: 18 } as const;

/** The kernel's banner (init/version.c); a format string has `%s` in that place. */
const BANNER = /Linux version ([0-9][\w.+~-]{0,63})/;

/** Bytes of an image that are searched at a time for the banner, and how much two pieces overlap. */
const BANNER_WINDOW = 1024 * 1024;
const BANNER_OVERLAP = 128;

/**
 * Reads a kernel from a bzImage or a vmlinux, compressed or not, and checks that it is for x86-64 and has a PVH entry.
 * `shown` is the file as people know it, `scratch` a private directory for files in between. Rejects with `kernel_invalid`, naming the file and why.
 */
export async function readVmlinux(
  { image: file, shown = file }: { readonly image: string; readonly shown?: string },
  options: { readonly runner: Runner; readonly scratch: string; readonly signal: AbortSignal },
): Promise<Vmlinux> {
  const invalid = (why: string, cause?: unknown): BangerError =>
    new BangerError('kernel_invalid', `${shown} cannot be booted: ${why}.`, {
      cause,
      details: { file: shown },
    });
  const { size } = await stat(file);
  if (size > MAX_VMLINUX_BYTES) throw invalid(`it has ${size} bytes, more than any kernel`);
  try {
    const content = await readFile(file);
    const bz = isBzImage(content) ? readBzImage(content) : undefined;
    const bytes = await expand(bz?.payload ?? content, options);
    const hasEntry = new ElfFile(bytes)
      .notes()
      .some(
        ({ name, type, description }) =>
          name === PVH_NOTE.name && type === PVH_NOTE.type && description.length >= 4,
      );
    if (!hasEntry) throw new Error('it has no PVH entry (CONFIG_PVH)');
    const release = bz?.release ?? bannerRelease(bytes);
    if (release === undefined) throw new Error('it does not tell its release');
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), release };
  } catch (error) {
    if (isBangerError(error)) throw error;
    if (typeof (error as NodeJS.ErrnoException).syscall === 'string') throw error;
    throw invalid((error as Error).message, error);
  }
}

function bannerRelease(bytes: Buffer): string | undefined {
  for (let at = 0; at < bytes.length; at += BANNER_WINDOW) {
    const text = bytes.toString('latin1', at, Math.min(bytes.length, at + BANNER_WINDOW + BANNER_OVERLAP));
    const release = BANNER.exec(text)?.[1];
    if (release !== undefined) return release;
  }
  return undefined;
}
