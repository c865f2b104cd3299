import type { Runner } from '../../host/runner.ts';

/** The dictionary of the kernel's own xz settings is 32 MiB; a larger one would only serve to fill our memory. */
const XZ_MEMORY_LIMIT = '256MiB';

/** As xz files begin (its format's specification, 2.1.1.1). */
export const XZ_MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);

/**
 * Unpacks `PATH.xz` to `PATH` beside it, by the program of that name; the packed file stays. Throws a plain Error when it
 * would have more than `maxBytes`, and `command_failed` when it is damaged.
 */
export async function unpackXz(
  path: string,
  {
    runner,
    signal,
    maxBytes,
  }: { readonly runner: Runner; readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<void> {
  const packed = `${path}.xz`;
  const listing = await runner.run(['xz', '--robot', '--list', packed], { signal });
  if (xzExpandedSize(listing.stdout) > maxBytes) throw new Error('it expands to an absurd size');
  const argv = ['xz', '--decompress', '--force', '--keep', `--memlimit=${XZ_MEMORY_LIMIT}`] as const;
  await runner.run([...argv, packed], { signal });
}

/** Sixth column of the `totals` line: uncompressed size (xz(1), "Robot mode"). */
function xzExpandedSize(listing: string): number {
  const totals = listing.split('\n').find((line) => line.startsWith('totals\t'));
  const size = Number(totals?.split('\t')[4]);
  if (!Number.isSafeInteger(size)) throw new Error('xz does not tell its size');
  return size;
}
