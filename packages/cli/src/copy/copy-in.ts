import { CONTENT_BYTES } from '@banger/sdk/copy-streams';
import type { TreeRecord } from '@banger/contract/tree-record';
import type { CopyIn } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { readHostTree } from './host-source.ts';
import { nameOf, type Location } from './location.ts';
import type { Tally } from './tally.ts';

/** What a file made from standard input gets: nothing says what it should be. */
const STREAM_MODE = 0o644;

/** How a tree is copied, beside where from and to. */
export interface CopyOptions {
  /** The target must be a directory: there are several sources. */
  readonly into: boolean;
  /** A link that the source itself is. */
  readonly follow: boolean;
}

/** Copies a file or tree of this machine, or standard input as a file, into a VM. */
export async function copyIn(
  context: CommandContext,
  source: Exclude<Location, { kind: 'guest' }>,
  target: Extract<Location, { kind: 'guest' }>,
  { into, follow }: CopyOptions,
  tally: Tally,
): Promise<void> {
  const { signal, machine } = context;
  const name = source.kind === 'stream' ? undefined : nameOf(source.path);
  // What is wrong with the source is told before anything is made in the guest.
  const walk = source.kind === 'stream' ? undefined : readHostTree(source.path, follow, CONTENT_BYTES);
  const first = walk?.next();
  const client = await context.client();
  const copy = await client.copyIn(
    { vm: target.vm, path: target.path, into, ...(name === undefined ? {} : { name }) },
    { signal },
  );
  const leave = (): void => copy.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    if (walk === undefined) await sendStream(copy, machine.stdin, tally);
    else {
      for (let next = first; next?.done === false; next = walk.next()) {
        await copy.write(next.value);
        tally.count(next.value);
        signal.throwIfAborted();
      }
    }
    await copy.end();
  } finally {
    signal.removeEventListener('abort', leave);
    walk?.return(undefined);
    copy.close();
  }
}

/** Standard input as a file. A guest that takes no more of it does not have to wait for what comes next. */
async function sendStream(
  copy: CopyIn,
  stdin: NodeJS.ReadableStream & { destroy(error?: Error): unknown },
  tally: Tally,
): Promise<void> {
  let refused: Error | undefined;
  void copy.over.then((error) => {
    refused = error;
    // Without the error: of an input that is at its end already nobody would hear it.
    if (error !== undefined) stdin.destroy();
  });
  const send = async (record: TreeRecord): Promise<void> => {
    await copy.write(record);
    tally.count(record);
  };
  const mtimeNs = BigInt(Date.now()) * 1_000_000n;
  await send({ kind: 'file', name: '', mode: STREAM_MODE, mtimeNs, size: 0 });
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>)
      for (let at = 0; at < chunk.length; at += CONTENT_BYTES)
        await send({ kind: 'content', bytes: chunk.subarray(at, at + CONTENT_BYTES) });
  } catch (error) {
    throw refused ?? error;
  }
  await send({ kind: 'end' });
}
