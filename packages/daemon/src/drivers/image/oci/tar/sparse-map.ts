import { invalidImage } from '../invalid.ts';
import { truncated, type ByteReader } from './byte-reader.ts';
import { TAR_BLOCK_BYTES } from './header.ts';
import { parseDecimal, parseNumber } from './number.ts';
import type { PaxHeader } from './pax.ts';

/** A stretch of a file that the archive holds; all else in it is zeros. */
export interface DataStretch {
  readonly offset: number;
  readonly length: number;
}

/** How a file with holes is stored: GNU's formats (tar's manual, "Storing Sparse Files"). */
export interface SparseFile {
  /** The size with its holes. */
  readonly size: number;
  readonly stretches: readonly DataStretch[];
  /** Bytes of data in the archive that the map itself took. */
  readonly mapBytes: number;
}

/** A file of that many pieces would take longer to read than to copy whole. */
const MAX_STRETCHES = 100_000;

/** Of the old format: where the map starts in the header, its entries there and in the blocks behind it, 24 bytes each. */
const GNU = { map: 386, entries: 4, extended: 482, realSize: 483 } as const;
const GNU_EXTENSION = { entries: 21, extended: 504 } as const;
const GNU_NUMBER_BYTES = 12;

/** The old format: a header of its own type, with blocks behind it that go on with the map. */
export async function readGnuSparse(block: Buffer, reader: ByteReader): Promise<SparseFile> {
  const stretches: DataStretch[] = [];
  const size = parseNumber(block, GNU.realSize, GNU_NUMBER_BYTES, 'size');
  addGnuStretches(stretches, block, GNU.map, GNU.entries);
  let more = block[GNU.extended] !== 0;
  while (more) {
    const extension = await reader.read(TAR_BLOCK_BYTES);
    if (extension === undefined) throw truncated();
    addGnuStretches(stretches, extension, 0, GNU_EXTENSION.entries);
    more = extension[GNU_EXTENSION.extended] !== 0;
  }
  return { size, stretches, mapBytes: 0 };
}

function addGnuStretches(stretches: DataStretch[], block: Buffer, from: number, count: number): void {
  for (let at = 0; at < count; at += 1) {
    const start = from + at * 2 * GNU_NUMBER_BYTES;
    // A NUL where a number should be ends the map.
    if (block[start] === 0) return;
    add(stretches, {
      offset: parseNumber(block, start, GNU_NUMBER_BYTES, 'offset'),
      length: parseNumber(block, start + GNU_NUMBER_BYTES, GNU_NUMBER_BYTES, 'length'),
    });
  }
}

/** What PAX records say of holes, undefined when they say nothing; `name` is the true name then. */
export interface PaxSparse {
  readonly version: '0.0' | '0.1' | '1.0';
  readonly name: Buffer | undefined;
  readonly size: number;
  /** Of versions before 1.0. */
  readonly stretches: readonly DataStretch[];
}

/** Reads the records of all three PAX formats. Throws `image_invalid`. */
export function parsePaxSparse({ sparse }: PaxHeader): PaxSparse | undefined {
  if (sparse.length === 0) return undefined;
  const last = (key: string): Buffer | undefined => sparse.findLast(([each]) => each === key)?.[1];
  const [major, minor] = [last('major'), last('minor')].map((value) => value?.toString('latin1') ?? '0');
  const version = `${major}.${minor}`;
  const given = last('realsize') ?? last('size');
  if ((version !== '0.0' && version !== '0.1' && version !== '1.0') || given === undefined)
    throw invalidImage(
      `An archive has a file with holes in the format ${version}, or without its size; 0.0, 0.1 and 1.0 are known.`,
    );
  const size = parseDecimal(given, 'size');
  const stretches: DataStretch[] = [];
  const map = last('map');
  const numbers =
    map === undefined
      ? pairs(sparse)
      : splitNumbers(map).map((each) => parseDecimal(Buffer.from(each), 'offset'));
  if (numbers.length % 2 !== 0) throw oddMap();
  for (let at = 0; at < numbers.length; at += 2)
    add(stretches, { offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  return { version, name: last('name'), size, stretches };
}

function splitNumbers(map: Buffer): string[] {
  return map.toString('latin1').split(',');
}

/** Version 0.0: a record for each offset, and one for each length. */
function pairs(sparse: PaxHeader['sparse']): number[] {
  const numbers: number[] = [];
  for (const [key, value] of sparse) {
    if (key !== 'offset' && key !== 'numbytes') continue;
    if ((key === 'offset') !== (numbers.length % 2 === 0)) throw oddMap();
    numbers.push(parseDecimal(value, 'offset'));
  }
  return numbers;
}

/** Version 1.0: the map is in front of the data, decimal lines filled up to whole blocks. */
export async function readSparseMap(size: number, reader: ByteReader): Promise<SparseFile> {
  const numbers: number[] = [];
  let wanted = Infinity;
  let line = '';
  let mapBytes = 0;
  while (numbers.length < wanted) {
    const block = await reader.read(TAR_BLOCK_BYTES);
    if (block === undefined) throw truncated();
    mapBytes += TAR_BLOCK_BYTES;
    const lines = (line + block.toString('latin1')).split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) {
      if (numbers.length === wanted) break;
      numbers.push(parseDecimal(Buffer.from(each, 'latin1'), 'offset'));
      const [count = 0] = numbers;
      if (count < 0 || count > MAX_STRETCHES) throw oddMap();
      wanted = 1 + 2 * count;
    }
    // A line that goes over two blocks is no number.
    if (line.length > TAR_BLOCK_BYTES && numbers.length < wanted) throw oddMap();
  }
  const stretches: DataStretch[] = [];
  for (let at = 1; at < wanted; at += 2)
    add(stretches, { offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  return { size, stretches, mapBytes };
}

function add(stretches: DataStretch[], stretch: DataStretch): void {
  if (stretches.length === MAX_STRETCHES) throw oddMap();
  stretches.push(stretch);
}

export function oddMap(): Error {
  return invalidImage(
    `An archive has a file with holes whose map is wrong, or of more than ${MAX_STRETCHES} pieces.`,
  );
}
