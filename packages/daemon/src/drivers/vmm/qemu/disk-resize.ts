import { z } from 'zod';
import { BangerError } from '@banger/contract/error';
import { nodeOf } from './argv.ts';

/** `BlockDeviceInfo` of `qapi/block-core.json`, as far as it is needed. */
const nodesSchema = z.array(
  z.object({ 'node-name': z.string().optional(), image: z.object({ 'virtual-size': z.number() }) }),
);

/** Grows a disk of a running guest: its file, and what the guest sees. QEMU itself would also shrink it. */
export async function growDisk(
  execute: (command: string, args: Readonly<Record<string, unknown>>) => Promise<unknown>,
  serial: string,
  bytes: number,
): Promise<void> {
  const node = nodeOf(serial);
  const nodes = nodesSchema.parse(await execute('query-named-block-nodes', { flat: true }));
  const size = nodes.find((other) => other['node-name'] === node)?.image['virtual-size'];
  if (size === undefined) throw new BangerError('invalid_argument', `The VM has no disk "${serial}".`);
  if (bytes < size) {
    throw new BangerError(
      'invalid_argument',
      `The disk "${serial}" has ${size} bytes and cannot shrink to ${bytes}.`,
    );
  }
  if (bytes === size) return;
  await execute('block_resize', { 'node-name': node, size: bytes });
}
