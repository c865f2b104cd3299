import { ByteBudget } from '../byte-budget.ts';
import type { TarEntry } from './entry.ts';
import { TAR_BLOCK_BYTES } from './header.ts';
import { readTar } from './reader.ts';

/** An entry to be put into an archive; what is not told is as for a plain file of root's. */
export interface Written {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly link?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** The size that the header says, when it is to be another than the content's. */
  readonly size?: number;
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** Other bytes of the header, by offset. */
  readonly raw?: Readonly<Record<number, string>>;
  readonly magic?: string;
}

const bytesOf = (text: string | Buffer): Buffer =>
  typeof text === 'string' ? Buffer.from(text, 'latin1') : text;

/** An archive of these entries, with its two blocks of zeros. */
export function archive(entries: readonly Written[]): Buffer {
  return Buffer.concat([...entries.map(encoded), Buffer.alloc(2 * TAR_BLOCK_BYTES)]);
}

/** One entry, with an extended header where it needs one. */
export function encoded(entry: Written): Buffer {
  const name = bytesOf(entry.name);
  const link = bytesOf(entry.link ?? '');
  const pax: Record<string, string | Buffer> = { ...entry.pax };
  if (name.length > 100) pax['path'] = name;
  if (link.length > 100) pax['linkpath'] = link;
  const content = bytesOf(entry.content ?? '');
  const records = Object.entries(pax).map(([key, value]) => record(key, bytesOf(value)));
  return Buffer.concat([
    ...(records.length === 0
      ? []
      : [header({ name: 'pax', type: 'x' }, Buffer.concat(records).length), filled(Buffer.concat(records))]),
    header(entry, entry.size ?? content.length),
    filled(content),
  ]);
}

function header(entry: Written, size: number): Buffer {
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, offset: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
  };
  bytesOf(entry.name).copy(block, 0, 0, 100);
  octal(entry.mode ?? 0o644, 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(entry.mtime ?? 1_700_000_000, 136, 12);
  block.write(entry.type ?? '0', 156, 'latin1');
  bytesOf(entry.link ?? '').copy(block, 157, 0, 100);
  block.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  octal(entry.major ?? 0, 329, 8);
  octal(entry.minor ?? 0, 337, 8);
  for (const [offset, bytes] of Object.entries(entry.raw ?? {})) block.write(bytes, Number(offset), 'latin1');
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    8,
  );
  return block;
}

/** A PAX record: its length counts itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function filled(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc(-content.length & (TAR_BLOCK_BYTES - 1))]);
}

/** Bytes as a stream of pieces of a length, cut so that nothing lies in one piece by luck. */
export async function* streamed(bytes: Buffer, cut = 1000): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += cut) yield Buffer.from(bytes.subarray(at, at + cut));
}

/** An entry with its content read. */
export type ReadEntry = Omit<TarEntry, 'content'> & { readonly bytes: Buffer };

/** Reads an archive whole. */
export async function readAll(
  bytes: Buffer,
  { cut = 1000, budget = new ByteBudget() } = {},
): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const { content, ...entry } of readTar(streamed(bytes, cut), budget)) {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk);
    entries.push({ ...entry, bytes: Buffer.concat(chunks) });
  }
  return entries;
}
