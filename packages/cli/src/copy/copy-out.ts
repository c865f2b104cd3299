import type { TreeRecord } from '@banger/contract/tree-record';
import type { CommandContext } from '../command.ts';
import type { Output } from '../machine.ts';
import type { CopyOptions } from './copy-in.ts';
import { copyFailed } from './host-error.ts';
import { HostTarget } from './host-target.ts';
import { nameOf, type Location } from './location.ts';
import type { Tally } from './tally.ts';

/** Copies a file or tree of a VM to this machine, or a file to standard output. */
export async function copyOut(
  context: CommandContext,
  source: Extract<Location, { kind: 'guest' }>,
  target: Exclude<Location, { kind: 'guest' }>,
  { into, follow }: CopyOptions,
  tally: Tally,
): Promise<void> {
  const { signal, machine } = context;
  const client = await context.client();
  // What a stream gets is content: a link has none.
  const wanted = { vm: source.vm, path: source.path, follow: follow || target.kind === 'stream' };
  const copy = await client.copyOut(wanted, { signal });
  const leave = (): void => copy.close();
  signal.addEventListener('abort', leave, { once: true });
  const files =
    target.kind === 'stream'
      ? undefined
      : new HostTarget({ path: target.path, name: nameOf(source.path), into });
  try {
    for await (const record of copy.records) {
      if (files === undefined) await writeOut(record, source.path, machine.stdout);
      else files.take(record);
      tally.count(record);
      signal.throwIfAborted();
    }
  } finally {
    signal.removeEventListener('abort', leave);
    files?.close();
    copy.close();
  }
}

/** A file's content to standard output, in step with its reader. */
async function writeOut(record: TreeRecord, path: string, stdout: Output): Promise<void> {
  switch (record.kind) {
    case 'content':
      await new Promise<void>((resolve, reject) => {
        stdout.write(record.bytes, (error) => (error ? reject(error) : resolve()));
      });
      break;
    case 'directory':
    case 'link':
      throw copyFailed(path, 'is no file: only the content of one goes to standard output');
    case 'skip':
      throw copyFailed(path, `cannot be read to its end: ${record.text}`);
    case 'file':
    case 'end':
    default:
  }
}
