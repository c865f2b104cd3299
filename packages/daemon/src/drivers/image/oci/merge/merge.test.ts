import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBangerError } from '@banger/contract/error';
import { ByteBudget } from '../byte-budget.ts';
import type { Layer } from '../layer.ts';
import { archive, streamed, type Written } from '../tar/archive.suite.ts';
import { readTar } from '../tar/reader.ts';
import { mergeLayers } from './merge-layers.ts';
import { RecordedTree, shape, type ModelFile, type Tree } from './model.suite.ts';

const now = { seconds: 0, nanoseconds: 0 };

interface Merged {
  readonly tree: Tree;
  /** How often each layer was read, oldest first. */
  readonly reads: readonly number[];
  readonly written: number;
}

/** Merges layers, given oldest first, as a conversion does; or as one that begins anew does at once. */
async function merge(
  layers: readonly (readonly Written[])[],
  tries: readonly boolean[] = [false, true],
): Promise<Merged> {
  const reads = layers.map(() => 0);
  const opened = layers.map((entries, at): Layer => {
    const bytes = archive(entries);
    return {
      entries() {
        reads[at] = (reads[at] ?? 0) + 1;
        return readTar(streamed(bytes), new ByteBudget());
      },
    };
  });
  for (const ahead of tries) {
    const root = new RecordedTree();
    if (await mergeLayers(opened, root, { now, ahead }))
      return { tree: root.tree, reads, written: root.written };
  }
  throw new Error('not merged');
}

const dir = (name: string, uid = 0): Written => ({ name: `${name}/`, type: '5', uid });
const file = (name: string, content = name): Written => ({ name, content });
const link = (name: string, target: string): Written => ({ name, type: '1', link: target });
const symlink = (name: string, target: string): Written => ({ name, type: '2', link: target });

/** A tree as words: `path=content`, `path/` for a directory, `path->target`. */
async function merged(...layers: Written[][]): Promise<string[]> {
  const { tree } = await merge(layers);
  return shape(tree)
    .filter(([name]) => name !== '')
    .map(([name, found]) => {
      if (typeof found === 'number') return `${name}/${found === 0 ? '' : found}`;
      if (typeof found === 'string') return `${name} ${found}`;
      const { kind, text } = found as ModelFile;
      return kind === 'symlink' ? `${name}->${text}` : `${name}=${text}`;
    });
}

describe('whiteouts', () => {
  it('hide what is below, not what is in the same layer, in whatever order', async () => {
    expect(await merged([file('a'), file('b')], [file('.wh.a'), file('.wh.none')])).toEqual(['b=b']);
    expect(await merged([file('a', 'old')], [file('a', 'new'), file('.wh.a')])).toEqual(['a=new']);
    expect(await merged([dir('d', 1), file('d/old')], [dir('d', 2), file('d/new'), file('.wh.d')])).toEqual([
      'd/2',
      'd/new=d/new',
    ]);
  });

  it('opaque ones hide what a directory had, before or after what is new in it', async () => {
    const old = [dir('d', 1), file('d/x'), file('d/e/y')];
    const left = ['d/1', 'd/new=d/new'];
    expect(await merged(old, [file('d/.wh..wh..opq'), file('d/new')])).toEqual(left);
    expect(await merged(old, [file('d/new'), file('d/.wh..wh..opq')])).toEqual(left);
    expect(await merged([file('x')], [file('.wh..wh..opq'), file('y')])).toEqual(['y=y']);
  });

  it('in the middle hide only what is older', async () => {
    expect(await merged([file('a', '1')], [file('.wh.a')], [file('a', '3')])).toEqual(['a=3']);
    expect(await merged([dir('d', 1), file('d/a')], [file('.wh.d')], [file('d/b')])).toEqual([
      'd/',
      'd/b=d/b',
    ]);
    expect(await merged([file('d/a')], [file('d')], [file('d/b')])).toEqual(['d/', 'd/b=d/b']);
  });

  it.each(['.wh.', 'd/.wh.', '.wh..', '.wh...', '.wh.x/y'])('%s is refused', async (name) => {
    await expect(merged([file(name)])).rejects.toMatchObject({ code: 'image_invalid' });
  });

  it('of AUFS itself mean nothing', async () => {
    expect(await merged([file('a')], [file('.wh..wh.aufs'), file('.wh..wh.plnk/1.2')])).toEqual(['a=a']);
  });
});

describe('one thing in the place of another', () => {
  it('a file and a directory replace each other', async () => {
    expect(await merged([dir('a', 1), file('a/b')], [file('a')])).toEqual(['a=a']);
    expect(await merged([file('a')], [dir('a', 1), file('a/b')])).toEqual(['a/1', 'a/b=a/b']);
    expect(await merged([file('a')], [file('a/b')])).toEqual(['a/', 'a/b=a/b']);
    expect(await merged([file('a/b')], [file('a')], [file('a/c')])).toEqual(['a/', 'a/c=a/c']);
  });

  it('a directory is made as the newest layer says that has it', async () => {
    expect(await merged([dir('a', 1)], [dir('a', 2)], [file('a/b')])).toEqual(['a/2', 'a/b=a/b']);
    expect(await merged([dir('.', 1)], [dir('./', 2)])).toEqual([]);
    expect((await merge([[dir('.', 1)], [dir('./', 2)]])).tree.get('')).toBe(2);
  });

  it('of several entries for one path in a layer the last counts', async () => {
    expect(await merged([file('a', '1'), file('a', '2'), file('b')])).toEqual(['a=2', 'b=b']);
    expect(await merged([dir('a', 1), dir('a', 2)])).toEqual(['a/2']);
    expect(await merged([file('a'), dir('a', 1), file('a/b')])).toEqual(['a/1', 'a/b=a/b']);
    expect(await merged([file('a/b'), file('a')])).toEqual(['a=a']);
    expect(await merged([file('a', '1'), link('b', 'a'), file('a', '2')])).toEqual(['a=2', 'b=1']);
  });
});

describe('paths', () => {
  it.each(['../a', 'a/../b', '/..', 'a/..', `${'x'.repeat(256)}`, `${'x/'.repeat(2100)}a`])(
    'refuses %s',
    async (name) => {
      await expect(merged([file(name)])).rejects.toMatchObject({ code: 'image_invalid' });
    },
  );

  it('takes absolute ones, and . and doubled slashes', async () => {
    expect(await merged([file('/a'), file('./b'), file('c//./d')])).toEqual([
      'a=/a',
      'b=./b',
      'c/',
      'c/d=c//./d',
    ]);
  });

  it('follows links of the same layer, and never out of the root', async () => {
    expect(await merged([dir('usr/lib'), symlink('lib', 'usr/lib'), file('lib/a')])).toEqual([
      'lib->usr/lib',
      'usr/',
      'usr/lib/',
      'usr/lib/a=lib/a',
    ]);
    expect(await merged([symlink('up', '../../../etc'), file('up/passwd')])).toEqual([
      'etc/',
      'etc/passwd=up/passwd',
      'up->../../../etc',
    ]);
    expect(await merged([symlink('a', '/b'), symlink('b', 'c'), file('c/f'), link('l', 'a/f')])).toEqual([
      'a->/b',
      'b->c',
      'c/',
      'c/f=c/f',
      'l same as c/f',
    ]);
  });

  it('does not follow links of other layers', async () => {
    expect(await merged([symlink('lib', 'usr/lib')], [file('lib/a')])).toEqual(['lib/', 'lib/a=lib/a']);
  });

  it('refuses what lies below a file, and links in a circle', async () => {
    for (const layer of [
      [file('a'), file('a/b')],
      [symlink('a', 'b'), symlink('b', 'a'), file('a/c')],
      [symlink('a', 'f'), file('f'), file('a/b')],
      [file('./')],
    ])
      await expect(merged(layer)).rejects.toMatchObject({ code: 'image_invalid' });
  });
});

describe('hard links', () => {
  const read = async (...layers: Written[][]): Promise<[string[], readonly number[]]> => [
    await merged(...layers),
    (await merge(layers)).reads,
  ];

  it('are names of the same file, also of one in an older layer, and of each other', async () => {
    expect(await merged([file('a'), link('b', 'a'), link('c', 'b')])).toEqual([
      'a=a',
      'b same as a',
      'c same as a',
    ]);
    expect(await read([file('a')], [link('b', '/a')], [link('c', 'b')])).toEqual([
      ['a=a', 'b same as a', 'c same as a'],
      [1, 1, 1],
    ]);
    expect(await merged([symlink('s', 'x'), link('t', 's')])).toEqual(['s->x', 't same as s']);
  });

  it('stay when their target goes: in a newer layer, with the target written once', async () => {
    const base = [file('a', 'content'), link('b', 'a'), link('c', 'a')];
    expect(await read(base, [file('.wh.a')])).toEqual([
      ['b=content', 'c same as b'],
      [2, 1],
    ]);
    expect(await read(base, [file('a', 'new')])).toEqual([
      ['a=new', 'b=content', 'c same as b'],
      [2, 1],
    ]);
    expect((await merge([base, [file('.wh.a')]])).written).toBe('content'.length);
    // Nobody wants it: it is not read again.
    expect(await read([file('a'), link('b', 'a')], [file('.wh.a'), file('.wh.b')])).toEqual([[], [1, 1]]);
  });

  it('stay when their target goes that lies in an older layer, without reading that twice', async () => {
    expect(await read([file('a', 'old')], [link('b', 'a')], [file('.wh.a')])).toEqual([['b=old'], [1, 1, 1]]);
    expect(await read([file('a', 'old')], [link('b', 'a')], [file('a', 'new'), link('c', 'b')])).toEqual([
      ['a=new', 'b=old', 'c same as b'],
      [1, 1, 1],
    ]);
    expect(
      await read([file('a', '1')], [link('b', 'a')], [file('a', '2')], [link('c', 'a'), link('d', 'b')]),
    ).toEqual([
      ['a=2', 'b=1', 'c same as a', 'd same as b'],
      [1, 1, 1, 1],
    ]);
  });

  it.each<[string, Written[][]]>([
    ['to nothing', [[link('b', 'a')]]],
    ['to a later entry', [[link('b', 'a'), file('a')]]],
    ['to a directory', [[dir('a'), link('b', 'a')]]],
    ['to a directory in an older layer', [[file('a/x')], [link('b', 'a')]]],
    ['to what the layer hides', [[file('a')], [file('.wh.a'), link('b', 'a')]]],
    ['to what a layer between hides', [[file('d/a')], [file('d/.wh..wh..opq')], [link('b', 'd/a')]]],
    ['to what is below a file of a layer between', [[file('d/a')], [file('d')], [link('b', 'd/a')]]],
    ['out of the root', [[link('b', '../a')]]],
  ])('refuses one %s', async (_, layers) => {
    await expect(merged(...layers)).rejects.toMatchObject({ code: 'image_invalid' });
  });
});

it('keeps devices, fifos and set-user-ID files', async () => {
  const { tree } = await merge([
    [
      { name: 'null', type: '3', major: 1, minor: 3 },
      { name: 'disk', type: '4', major: 8, minor: 0, uid: 7 },
      { name: 'fifo', type: '6' },
    ],
  ]);
  expect(
    [...tree.values()].filter((each) => typeof each === 'object').map(({ kind, text }) => `${kind} ${text}`),
  ).toEqual(['character 1:3', 'block 8:0', 'fifo ']);
});

/** The rules of the image specification, applied to a tree, oldest layer first. Undefined when there is something to refuse. */
function model(layers: readonly (readonly Written[])[]): Tree | undefined {
  const tree: Tree = new Map([['', 0]]);
  const remove = (path: string, itself: boolean): void => {
    for (const name of tree.keys())
      if ((itself && name === path) || name.startsWith(path === '' ? '' : `${path}/`))
        if (name !== '') tree.delete(name);
  };
  for (const layer of layers) {
    const own = new Map<string, boolean>();
    for (const { name } of layer) {
      const path = String(name);
      const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
      const last = path.slice(path.lastIndexOf('/') + 1);
      if (last === '.wh..wh..opq') remove(parent, false);
      else if (last.startsWith('.wh.'))
        remove([...(parent === '' ? [] : [parent]), last.slice(4)].join('/'), true);
    }
    for (const { name, type = '0', content = '', link: target = '', uid = 0 } of layer) {
      const path = String(name).replace(/\/$/, '');
      if (path.includes('.wh.')) continue;
      const parts = path.split('/');
      for (let depth = 1; depth < parts.length; depth += 1) {
        const parent = parts.slice(0, depth).join('/');
        if (own.get(parent) === false) return undefined;
        if (typeof tree.get(parent) !== 'number') tree.set(parent, 0);
        own.set(parent, true);
      }
      if (type === '5') {
        if (typeof tree.get(path) !== 'number') remove(path, true);
        tree.set(path, uid);
        own.set(path, true);
        continue;
      }
      const linked = type === '1' ? tree.get(String(target)) : undefined;
      if (type === '1' && typeof linked !== 'object') return undefined;
      if (type === '1' && String(target) === path) {
        // One of an older layer is linked to itself, and so is of this layer from then on.
        own.set(path, false);
        continue;
      }
      remove(path, true);
      for (const each of own.keys()) if (each.startsWith(`${path}/`)) own.delete(each);
      own.set(path, false);
      tree.set(path, linked ?? { kind: 'file', text: String(content), uid });
    }
  }
  return tree;
}

it('gives what the rules give when layers are applied oldest first, and writes no content twice', async () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map((names) => names.join('/'));
  const entry = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(path, fc.nat(9)).map(([name, n]) => file(name, `${n} ${name}`)) },
    {
      weight: 3,
      arbitrary: fc.tuple(path, fc.integer({ min: 1, max: 9 })).map(([name, uid]) => dir(name, uid)),
    },
    { weight: 4, arbitrary: fc.tuple(path, path).map(([name, target]) => link(name, target)) },
    { weight: 3, arbitrary: path.map((name) => file(name.replace(/[^/]*$/, '.wh.$&'), '')) },
    { weight: 1, arbitrary: path.map((name) => file(name.replace(/[^/]*$/, '.wh..wh..opq'), '')) },
  );
  const layers = fc.array(fc.array(entry, { maxLength: 6 }), { minLength: 1, maxLength: 5 });
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(layers, async (given) => {
      const expected = model(given);
      // What is refused when seen may be passed over when hidden.
      if (expected === undefined) return;
      compared += 1;
      const { tree, written } = await merge(given);
      expect(shape(tree)).toEqual(shape(expected));
      const files = new Set([...tree.values()].filter((each) => typeof each === 'object'));
      expect(written).toBe([...files].reduce((sum, { text }) => sum + text.length, 0));
    }),
    { numRuns: 5000 },
  );
  expect(compared).toBeGreaterThan(500);
}, 120_000);

it('makes one tree of whatever layers say, or refuses it, and never writes twice, below a file or outside', async () => {
  const part = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c') },
    {
      weight: 2,
      arbitrary: fc.constantFrom('..', '.', '', '\xff', '.wh.a', '.wh.', '.wh..wh..opq', '.wh..wh.plnk'),
    },
  );
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const target = fc.tuple(fc.constantFrom('', '/', '../../'), path).map((texts) => texts.join(''));
  const entry = fc.oneof(
    { weight: 4, arbitrary: path.map((name) => file(name)) },
    { weight: 3, arbitrary: path.map((name) => dir(name)) },
    { weight: 3, arbitrary: fc.tuple(path, target).map((names) => symlink(...names)) },
    { weight: 3, arbitrary: fc.tuple(path, target).map((names) => link(...names)) },
    { weight: 1, arbitrary: path.map((name): Written => ({ name, type: '6' })) },
  );
  const layers = fc.array(fc.array(entry, { maxLength: 6 }), { minLength: 1, maxLength: 4 });
  const outcomes = { made: 0, refused: 0 };
  const outcome = async (given: readonly Written[][], tries?: readonly boolean[]): Promise<unknown> => {
    try {
      const { tree } = await merge(given, tries);
      outcomes.made += 1;
      const names = [...tree.keys()].flatMap((path) => (path === '' ? [] : path.split('/')));
      expect(names.filter((name) => ['', '.', '..'].includes(name))).toEqual([]);
      return shape(tree);
    } catch (error) {
      if (!isBangerError(error, 'image_invalid')) throw error;
      outcomes.refused += 1;
      return 'refused';
    }
  };
  await fc.assert(
    fc.asyncProperty(layers, async (given) => {
      const found = await outcome(given);
      // What a newer entry hides may be refused where it is looked at, and only there.
      const ahead = await outcome(given, [true]);
      if (found !== 'refused' && ahead !== 'refused') expect(ahead).toEqual(found);
    }),
    { numRuns: 4000 },
  );
  expect(outcomes.made).toBeGreaterThan(500);
  expect(outcomes.refused).toBeGreaterThan(500);
}, 120_000);
