import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { TreeReader, encodeRecord, recordKind, type TreeRecord } from '@banger/contract/tree-record';
import { FrameDecoder, FrameEncoder, type Frame } from '@banger/rpc/frame-codec';
import type { UnpackTarget } from '../driver.ts';
import type { GuestUnderTest } from './harness.ts';
import { useGuest } from './use-guest.suite.ts';

const format = { kinds: new Set<number>(Object.values(recordKind)), maxPayloadBytes: 65_536 };
const PATIENCE = { timeout: 5_000 };

const entry = (name: string, mode = 0o644) => ({ name, mode, mtimeNs: 1_600_000_000_123_456_789n, size: 0 });
const directory = (name: string, ...inside: readonly (readonly TreeRecord[])[]): TreeRecord[] => [
  { kind: 'directory', ...entry(name, 0o750) },
  ...inside.flat(),
  { kind: 'end' },
];
const file = (name: string, content = name, mode = 0o640): TreeRecord[] => [
  { kind: 'file', ...entry(name, mode) },
  ...(content === '' ? [] : [{ kind: 'content', bytes: Buffer.from(content) } as const]),
  { kind: 'end' },
];
const link = (name: string, target: string): TreeRecord[] => [{ kind: 'link', target, ...entry(name) }];

/** A tree with what trees have. */
const tree = (): TreeRecord[] =>
  directory(
    '',
    file('a file', 'hello'),
    file('empty', '', 0o755),
    link('dangling', '/no/where'),
    link('up', '..'),
    directory('sub', file('new\nline', 'x'.repeat(65_536)), directory('empty')),
    file('bytes \udcff\udcfe', 'y'),
    file('.banger', 'z', 0o400),
  );

/** Records as far as they are the same on both sides, whatever the order in a directory. */
function compare(records: readonly TreeRecord[]): string[] {
  const path: string[] = [];
  const lines: string[] = [];
  for (const record of records) {
    if (record.kind === 'end') path.pop();
    else if (record.kind === 'content')
      lines.push(`${path.join('/')} has ${Buffer.from(record.bytes).toString()}`);
    else if (record.kind === 'skip') lines.push(`${path.join('/')}/${record.name} skipped: ${record.reason}`);
    else {
      const { kind, name, mode, mtimeNs } = record;
      const more = kind === 'link' ? `to ${record.target}` : mode.toString(8);
      lines.push(`${[...path, name].join('/')} ${kind} ${more} ${mtimeNs}`);
      if (kind !== 'link') path.push(name);
    }
  }
  return lines.toSorted();
}

/** A tree as it goes over the wire. */
export const encodedTree = (records: readonly TreeRecord[]): Readable =>
  Readable.from(records.map((record) => encodeRecord(record))).pipe(new FrameEncoder(format));

/** What every guest makes of trees. */
export function describeTrees(name: string, start: (directory: string) => Promise<GuestUnderTest>): void {
  describe(`guest contract: trees of ${name}`, () => {
    const used = useGuest(start);

    const place = (path: string): string => `${used.directory}/${path}`;
    const unpack = (records: readonly TreeRecord[], path: string, target: Partial<UnpackTarget> = {}) =>
      used.session.unpack({ path: place(path), into: false, ...target }, encodedTree(records));
    async function pack(path: string, follow = false): Promise<TreeRecord[]> {
      const decoder = new FrameDecoder(format);
      const content = await used.session.pack({ path: place(path), follow });
      content.on('error', (error) => decoder.destroy(error));
      const reader = new TreeReader();
      const records: TreeRecord[] = [];
      for await (const frame of content.pipe(decoder) as AsyncIterable<Frame>)
        records.push(reader.read(frame));
      expect(reader.over).toBe(true);
      return records;
    }
    const namesIn = async (path: string): Promise<string[]> =>
      (await pack(path))
        .flatMap((record) => ('name' in record && record.name !== '' ? [record.name] : []))
        .toSorted();

    test('come out as they went in', async () => {
      await unpack(tree(), 'new');
      expect(compare(await pack('new'))).toEqual(compare(tree()));
    });

    test('may be a file or a link alone', async () => {
      await unpack(file('', 'one'), 'f');
      expect(compare(await pack('f'))).toEqual(compare(file('', 'one')));
      await unpack(link('', 'f'), 'l');
      expect(compare(await pack('l'))).toEqual(compare(link('', 'f')));
      expect(compare(await pack('l', true))).toEqual(compare(file('', 'one')));
    });

    test('go into a directory that is there, under their name, and to the path where nothing is', async () => {
      await unpack(directory(''), 'box');
      await unpack(directory('', file('x')), 'box', { name: 'src' });
      await unpack(file('', 'y'), 'box/', { name: 'file' });
      await unpack(directory('', file('z')), 'box', {});
      expect(await namesIn('box')).toEqual(['file', 'src', 'x', 'z']);
      await unpack(directory('', file('x')), 'box/new/', { name: 'src' });
      expect(await namesIn('box/new')).toEqual(['x']);
    });

    test('are merged: files replaced, directories filled, nothing else touched', async () => {
      await unpack(directory('', file('a', '1'), file('b', '1'), directory('d', file('e', '1'))), 't');
      await unpack(directory('', file('a', '2'), directory('d', file('f', '2')), link('b', 'a')), 't');
      const lines = compare(await pack('t'));
      expect(lines.filter((line) => line.includes(' has '))).toEqual([
        '/a has 2',
        '/d/e has 1',
        '/d/f has 2',
      ]);
      expect(lines).toContainEqual(expect.stringContaining('/b link to a'));
    });

    test('replace the file that a path names, also through a link', async () => {
      await unpack(file('', 'old'), 'f');
      await unpack(link('', 'f'), 'l');
      await unpack(file('', 'new', 0o600), 'l', { name: 'other' });
      expect(compare(await pack('f'))).toEqual(compare(file('', 'new', 0o600)));
      expect((await pack('l'))[0]?.kind).toBe('link');
    });

    test.each([
      ['no parent', file(''), 'no/parent', {}, 'ENOENT'],
      ['no directory for a file', file(''), 'no/', {}, 'ENOENT'],
      ['no directory for several', file(''), 'no', { into: true, name: 'x' }, 'ENOENT'],
      ['a file where a directory is to be', file(''), 'f', { into: true, name: 'x' }, 'ENOTDIR'],
      ['a directory over a file', directory(''), 'f', { name: 'x' }, 'ENOTDIR'],
      ['a nameless file in a directory', file(''), '', {}, 'EISDIR'],
      ['a file over a directory', directory('', file('d')), 't', {}, 'EISDIR'],
      ['a directory over a link to one', directory('', directory('l')), 't', {}, 'ENOTDIR'],
      [
        'the same name twice, a link first',
        directory('', link('x', '/'), directory('x')),
        't',
        {},
        'ENOTDIR',
      ],
    ])('refused: %s', async (_name, records, path, target, errno) => {
      await unpack(file('', 'old'), 'f');
      await unpack(directory('', directory('d'), link('l', 'd')), 't');
      await expect(unpack(records, path, target)).rejects.toMatchObject({
        code: 'guest_failed',
        details: { errno },
      });
      expect(await namesIn('t')).not.toContainEqual(expect.stringContaining('.banger-'));
    });

    test('that are not there cannot be read', async () => {
      await expect(pack('nothing')).rejects.toMatchObject({
        code: 'guest_failed',
        details: { errno: 'ENOENT' },
      });
    });

    test('a file that breaks is not kept, what stands around it is', async () => {
      const broken: TreeRecord[] = [
        { kind: 'file', ...entry('broken') },
        { kind: 'content', bytes: Buffer.from('half') },
        { kind: 'skip', reason: 'unreadable', name: '', text: 'EIO' },
      ];
      await unpack(directory('', file('a'), broken, file('b')), 't');
      expect(await namesIn('t')).toEqual(['a', 'b']);
    });

    test('one that ends too early leaves what was whole, and no half file', async () => {
      const records: TreeRecord[] = [
        { kind: 'directory', ...entry('') },
        ...file('whole'),
        { kind: 'file', ...entry('half') },
        { kind: 'content', bytes: Buffer.alloc(60_000) },
      ];
      await expect(unpack(records, 't')).rejects.toMatchObject({ code: 'internal' });
      await expect(
        used.session.unpack(
          { path: place('u'), into: false },
          Readable.from(
            (async function* () {
              for await (const chunk of encodedTree(records)) yield chunk as Buffer;
              throw new Error('the client left');
            })(),
          ),
        ),
      ).rejects.toThrow('the client left');
      await expect.poll(() => namesIn('t'), PATIENCE).toEqual(['whole']);
      // What had not left the host yet is dropped with the stream.
      const left = async (): Promise<string[]> => (await namesIn('u').catch(() => ['whole'])).concat('whole');
      await expect.poll(async () => new Set(await left()), PATIENCE).toEqual(new Set(['whole']));
    });

    test('a stream that is no tree is refused', async () => {
      const bad: TreeRecord[] = [{ kind: 'directory', ...entry('') }, ...file('..')];
      await expect(unpack(bad, 't')).rejects.toMatchObject({ code: 'internal' });
    });

    test('20 MB go in and out without the reader being flooded', async () => {
      const bytes = Buffer.alloc(60_000, 'x');
      const big: TreeRecord[] = [
        { kind: 'file', ...entry('') },
        ...Array.from({ length: 350 }, () => ({ kind: 'content', bytes }) as const),
        { kind: 'end' },
      ];
      await unpack(big, 'big');
      const content = await used.session.pack({ path: place('big'), follow: false });
      await once(content, 'readable');
      expect(content.readableLength).toBeLessThan(400_000);
      const heads = 2 * 31 + 5 * 400;
      expect((await buffer(content)).length - 350 * 60_000).toBeLessThan(heads);
    });

    test('one that nobody reads further is given up', async () => {
      await unpack(file('', 'x'.repeat(60_000)), 'f');
      for (let round = 0; round < 300; round += 1) {
        const content = await used.session.pack({ path: place('f'), follow: false });
        content.destroy();
      }
      expect(compare(await pack('f')).length).toBe(2);
    });
  });
}
