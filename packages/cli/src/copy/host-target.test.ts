import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TreeRecord } from '@banger/contract/tree-record';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readHostTree } from './host-source.ts';
import { HostTarget, type HostPlace } from './host-target.ts';

let root: string;
/** Where copies go; beside it lies what they must not touch. */
let place: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-copy-'));
  place = join(root, 'place');
  mkdirSync(place);
  mkdirSync(join(root, 'outside'));
  writeFileSync(join(root, 'outside/secret'), 'untouched', { mode: 0o600 });
});
afterEach(() => rmSync(root, { recursive: true }));

const entry = (name: string, mode = 0o644) => ({ name, mode, mtimeNs: 1_600_000_000_123_456_000n, size: 0 });
const end: TreeRecord = { kind: 'end' };
const file = (name: string, content = name, mode = 0o644): TreeRecord[] => [
  { kind: 'file', ...entry(name, mode) },
  { kind: 'content', bytes: Buffer.from(content) },
  end,
];
const link = (name: string, target: string): TreeRecord[] => [{ kind: 'link', target, ...entry(name) }];
const directory = (name: string, ...inside: readonly (readonly TreeRecord[])[]): TreeRecord[] => [
  { kind: 'directory', ...entry(name, 0o755) },
  ...inside.flat(),
  end,
];

function take(records: Iterable<TreeRecord>, at: Partial<HostPlace> = {}, umask = 0o022): void {
  const target = new HostTarget({ path: place, name: 'src', into: false, ...at }, umask);
  try {
    for (const record of records) target.take(record);
  } finally {
    target.close();
  }
}

/** Everything below a directory with all that a copy keeps. */
function snapshot(path: string): string[] {
  return below(Buffer.from(path), '').toSorted();
}

function below(path: Buffer, shown: string): string[] {
  return readdirSync(path, { encoding: 'buffer' }).flatMap((name) => {
    const full = Buffer.concat([path, Buffer.from('/'), name]);
    const stats = lstatSync(full);
    const line = `${shown}${name.toString('latin1')} ${(stats.mode & 0o7777).toString(8)} ${Math.floor(stats.mtimeMs)}`;
    if (stats.isSymbolicLink()) return [`${line} -> ${readlinkSync(full)}`];
    if (stats.isFile()) return [`${line} ${readFileSync(full, 'latin1')}`];
    return [line, ...below(full, `${shown}${name.toString('latin1')}/`)];
  });
}

const failed = (reason: string) =>
  expect.objectContaining({ code: 'copy_failed', message: expect.stringContaining(reason) });

describe('a tree', () => {
  const tree = directory(
    '',
    file('a', 'hello', 0o755),
    directory('d', file('new\nline'), link('up', '../a')),
    link('gone', '/no/where'),
    file('\udcff\udcfe', 'bytes', 0o400),
  );

  test('is made with names of any bytes, modes, times and links', () => {
    take(tree);
    expect(snapshot(join(place, 'src'))).toEqual([
      'a 755 1600000000123 hello',
      'd 755 1600000000123',
      'd/new\nline 644 1600000000123 new\nline',
      'd/up 777 1600000000123 -> ../a',
      'gone 777 1600000000123 -> /no/where',
      '\xff\xfe 400 1600000000123 bytes',
    ]);
  });

  test('goes through and comes back the same', () => {
    take(tree);
    take(readHostTree(join(place, 'src'), false, 3), { name: 'again' });
    expect(snapshot(join(place, 'again'))).toEqual(snapshot(join(place, 'src')));
  });

  test('fills what is there, and replaces files and links', () => {
    take(directory('', file('a', '1'), file('b', '1'), directory('d', file('e'))));
    take(directory('', file('a', '2'), directory('d', file('f')), link('b', 'a')));
    expect(readdirSync(join(place, 'src/d')).toSorted()).toEqual(['e', 'f']);
    expect(readFileSync(join(place, 'src/a'), 'latin1')).toBe('2');
    expect(readlinkSync(join(place, 'src/b'))).toBe('a');
  });

  test('goes where cp -r puts it', () => {
    take(file(''), { name: 'f' });
    take(file('', 'new'), { path: join(place, 'f'), name: 'x' });
    take(directory('', file('g')), { path: `${place}/new/`, name: 'x' });
    take(directory('', file('h')), { path: place, name: undefined });
    symlinkSync('new', join(place, 'l'));
    take(file(''), { path: join(place, 'l'), name: 'through' });
    expect(readdirSync(place).toSorted()).toEqual(['f', 'h', 'l', 'new']);
    expect(readdirSync(join(place, 'new')).toSorted()).toEqual(['g', 'through']);
    expect(readFileSync(join(place, 'f'), 'latin1')).toBe('new');
  });

  test.each<[string, TreeRecord[], string, Partial<HostPlace>]>([
    ['a parent that is not there', file(''), '/no/parent', {}],
    ['a directory that is not there', file(''), '/no/', {}],
    ['several into nothing', file(''), '/no', { into: true }],
    ['a directory over a file', directory(''), '/f', {}],
    ['several into a file', file(''), '/f', { into: true }],
    ['content without a name', file(''), '', { name: undefined }],
  ])('is refused: %s', (_name, records, path, at) => {
    writeFileSync(join(place, 'f'), 'old');
    expect(() => take(records, { path: `${place}${path}`, ...at })).toThrow(
      expect.objectContaining({ code: 'copy_failed' }),
    );
    expect(readdirSync(place)).toEqual(['f']);
  });

  test('never replaces a device', () => {
    expect(() => take(file(''), { path: '/dev/null' })).toThrow(failed('not a regular file'));
  });

  test('that is cut leaves whole files alone', () => {
    expect(() =>
      take([...directory('', file('whole')).slice(0, -1), ...file('half').slice(0, 2)]),
    ).not.toThrow();
    expect(readdirSync(join(place, 'src'))).toEqual(['whole']);
  });

  test('has no file that the guest could not read on', () => {
    const broken = [
      ...file('broken').slice(0, 2),
      { kind: 'skip', reason: 'unreadable', name: '', text: 'EIO' } as const,
    ];
    take(directory('', file('a'), broken, file('b')));
    expect(readdirSync(join(place, 'src'))).toEqual(['a', 'b']);
  });
});

describe('a hostile tree', () => {
  test.each([
    [
      'a link, then a directory through it',
      directory('', link('x', '../../outside'), directory('x', file('secret'))),
    ],
    [
      'a link, then the same name in capitals of sorts',
      directory('', link('x', '..'), directory('x', link('y', '.'))),
    ],
    ['a directory, then a file of its name', directory('', directory('x'), file('x'))],
    ['a directory, then a link of its name', directory('', directory('x'), link('x', '/'))],
    ['a file, then a directory of its name', directory('', file('x'), directory('x'))],
  ])('fails: %s', (_name, records) => {
    expect(() => take(records)).toThrow(expect.objectContaining({ code: 'copy_failed' }));
    expect(snapshot(join(root, 'outside'))).toEqual([expect.stringContaining('secret 600')]);
    expect(readFileSync(join(root, 'outside/secret'), 'latin1')).toBe('untouched');
    expect(readdirSync(join(place, 'src')).filter((name) => name.startsWith('.banger'))).toEqual([]);
  });

  test('replaces a link by a file instead of writing through it', () => {
    take(directory('', link('x', '../../outside/secret'), file('x', 'mine')));
    expect(readFileSync(join(place, 'src/x'), 'latin1')).toBe('mine');
    expect(readFileSync(join(root, 'outside/secret'), 'latin1')).toBe('untouched');
  });

  test('does not go through a link that the place had before', () => {
    mkdirSync(join(place, 'src'));
    symlinkSync('../../outside', join(place, 'src/d'));
    expect(() => take(directory('', directory('d', file('secret'))))).toThrow(
      failed('exists and is no directory'),
    );
    expect(readFileSync(join(root, 'outside/secret'), 'latin1')).toBe('untouched');
  });

  test('gives nobody the rights of whoever copies it', () => {
    take(directory('', file('su', 'x', 0o6755)));
    expect(lstatSync(join(place, 'src/su')).mode & 0o7777).toBe(0o755);
  });

  test('has no permission that its user takes away from what is made', () => {
    take(directory('', file('open', 'x', 0o777)), {}, 0o027);
    expect(lstatSync(join(place, 'src')).mode & 0o7777).toBe(0o750);
    expect(lstatSync(join(place, 'src/open')).mode & 0o7777).toBe(0o750);
  });

  test('has what the umask of the process lets, unless told', () => {
    const before = process.umask(0o077);
    try {
      const target = new HostTarget({ path: place, name: 'own', into: false });
      for (const record of file('', 'x', 0o755)) target.take(record);
      target.close();
    } finally {
      process.umask(before);
    }
    expect(lstatSync(join(place, 'own')).mode & 0o7777).toBe(0o700);
  });

  test('a file that cannot be taken back hides no error', () => {
    const target = new HostTarget({ path: place, name: 'src', into: false });
    for (const record of directory('', file('a')).slice(0, 2)) target.take(record);
    rmSync(join(place, 'src'), { recursive: true });
    expect(() => target.close()).not.toThrow();
  });

  test('a time that cannot be is none to fail for', () => {
    for (const mtimeNs of [2n ** 62n * 1_000_000_000n, -(2n ** 62n) * 1_000_000_000n, -1n])
      take([{ kind: 'file', ...entry(''), mtimeNs }, end], { name: 't' });
    expect(existsSync(join(place, 't'))).toBe(true);
  });

  test('of any shape stays in its place', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const target = fc.constantFrom('..', '../..', '../../outside', '/', 'a', '../b', root);
    const { node } = fc.letrec<{ node: TreeRecord[]; directory: TreeRecord[] }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        name.map((each) => file(each)),
        fc.tuple(name, target).map(([each, to]) => link(each, to)),
        tie('directory'),
      ),
      directory: fc
        .tuple(name, fc.array(tie('node'), { maxLength: 5 }))
        .map(([each, inside]) => directory(each, ...inside)),
    }));
    const before = snapshot(join(root, 'outside'));
    fc.assert(
      fc.property(fc.array(node, { maxLength: 6 }), (nodes) => {
        try {
          take(directory('', ...nodes));
        } catch (error) {
          expect(error).toMatchObject({ code: 'copy_failed' });
        }
        expect(snapshot(join(root, 'outside'))).toEqual(before);
        expect(readdirSync(root).toSorted()).toEqual(['outside', 'place']);
        expect(readdirSync(place)).toEqual(['src']);
        expect(snapshot(place).filter((line) => line.includes('.banger-'))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
