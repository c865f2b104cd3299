import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NOW, problems, readImage } from '../ext4/image.suite.ts';
import { ByteBudget } from './byte-budget.ts';
import { convertLayers } from './convert-image.ts';
import { layerOf } from './layer.ts';
import { sha256, writeLayout } from './layout.suite.ts';
import { openImage } from './source/open-image.ts';
import { archive, encoded, streamed, type Written } from './tar/archive.suite.ts';

/*
 * What images from elsewhere are attacked with, each through the whole conversion, with what becomes of it: the tree, or a refusal. The
 * directory around it must stay as it is.
 */

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'field-'));
  mkdirSync(at('host'));
  writeFileSync(at('host/victim'), 'of the host');
  symlinkSync('victim', at('host/link'));
  mkdirSync(at('out'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);

/** All that is in the directory of a test but what the conversion is to make, with what would change if somebody wrote to it. */
function host(): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^out(?:\/|$)/.test(name))
    .toSorted()
    .map((name) => {
      const { mode, size, mtimeMs, ctimeMs, nlink, ino } = lstatSync(at(name));
      return [name, mode, size, mtimeMs, ctimeMs, nlink, ino].join(' ');
    });
}

/** Converts layers, and tells the tree as `path=content`, `path->target`, `path/`, with `*` for a file of several names. */
async function converted(layers: readonly Buffer[]): Promise<string[]> {
  writeLayout(at('layout'), layers);
  const before = host();
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  const files = { rootFile: at('out/root'), workFile: at('out/work') };
  try {
    const { layers: blobs } = await openImage({ path: at('layout') }, { scratch: at('out'), ...context });
    const random = (bytes: number): Buffer => Buffer.alloc(bytes, 7);
    await convertLayers(blobs, { ...files, now: NOW, random, ...context });
  } catch (error) {
    for (const file of Object.values(files)) expect(existsSync(file)).toBe(false);
    throw error;
  } finally {
    expect(host()).toEqual(before);
    expect(readFileSync(at('host/victim'), 'utf8')).toBe('of the host');
  }
  expect(problems(files.rootFile)).toBe('');
  return [...readImage(files.rootFile)]
    .filter(([path]) => path !== '')
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, { type, content, links, device }]) => {
      if (type === 'directory') return `${path}/`;
      if (type === 'symlink') return `${path}->${content.toString('latin1')}`;
      if (device !== undefined) return `${path} ${device.join(':')}`;
      const text = content.length > 100 ? `${content.length} bytes` : content.toString('latin1');
      return `${path}${links > 1 ? '*' : ''}=${text}`;
    });
}

const dir = (name: string): Written => ({ name: `${name}/`, type: '5', mode: 0o755 });
const file = (name: string | Buffer, content = 'x'): Written => ({ name, content });
const link = (name: string, target: string): Written => ({ name, type: '1', link: target });
const symlink = (name: string, target: string): Written => ({ name, type: '2', link: target });
const up = '../'.repeat(12);

it.each<[string, Written[][], string[]]>([
  ['an absolute name', [[file('/etc/passwd')]], ['etc/', 'etc/passwd=x']],
  [
    'a link out of the image, then a write through it',
    [[symlink('out', `${up}tmp`), file('out/victim')]],
    ['out->' + `${up}tmp`, 'tmp/', 'tmp/victim=x'],
  ],
  [
    'the same over two layers: a directory takes the place of the link',
    [[symlink('out', `${up}tmp`)], [file('out/victim')]],
    ['out/', 'out/victim=x'],
  ],
  [
    'an absolute link, then a write through it',
    [[symlink('out', '/etc'), file('out/victim')]],
    ['etc/', 'etc/victim=x', 'out->/etc'],
  ],
  [
    'a hard link through a chain of links to directories',
    [[dir('d'), file('d/a'), symlink('one', 'd'), symlink('two', 'one'), link('b', 'two/a')]],
    ['b*=x', 'd/', 'd/a*=x', 'one->d', 'two->one'],
  ],
  [
    'a hard link to a symbolic link that leads out',
    [[symlink('out', '/etc/shadow'), link('b', 'out')]],
    ['b->/etc/shadow', 'out->/etc/shadow'],
  ],
  [
    'devices',
    [
      [
        { name: 'sda', type: '4', major: 8, minor: 0, mode: 0o666 },
        { name: 'null', type: '3', major: 1, minor: 3 },
      ],
    ],
    ['null 1:3', 'sda 8:0'],
  ],
  ['several entries for one name', [[file('a', '1'), file('a', '2'), file('a', '3')]], ['a=3']],
  [
    'a file replaced by a directory, and back',
    [[file('a', '1')], [dir('a'), file('a/b')], [file('a', '3')]],
    ['a=3'],
  ],
  ['the same in one layer', [[file('a', '1'), dir('a'), file('a/b'), file('a', '3')]], ['a=3']],
  ['a whiteout of what was never there', [[file('a')], [file('.wh.b', ''), file('c/.wh.d', '')]], ['a=x']],
  [
    'an opaque directory after its content',
    [
      [dir('d'), file('d/old')],
      [file('d/new'), file('d/.wh..wh..opq', '')],
    ],
    ['d/', 'd/new=x'],
  ],
  [
    'PAX records that overrule the header',
    [[{ name: 'a', content: 'x', pax: { path: 'b', uid: '7', mtime: '1.5' } }]],
    ['b=x'],
  ],
  [
    'names with a new line, quotes, a backslash and other than UTF-8',
    [[file('a\nb'), file(`q'"`), file('back\\slash'), file(Buffer.from([0xff, 0xfe]))]],
    ['a\nb=x', 'back\\slash=x', `q'"=x`, '\xff\xfe=x'],
  ],
  [
    'a name that is an option',
    [[file('-rf'), file('--checkpoint-action=exec=sh')]],
    ['--checkpoint-action=exec=sh=x', '-rf=x'],
  ],
])('%s', async (_, layers, tree) => {
  expect(await converted(layers.map(archive))).toEqual(tree);
});

it('a long name of GNU', async () => {
  const name = `${'d'.repeat(100)}/${'f'.repeat(200)}`;
  const long = encoded({ name: '././@LongLink', type: 'L', content: `${name}\0` });
  const found = await converted([Buffer.concat([long, archive([file('short')])])]);
  expect(found).toEqual([`${'d'.repeat(100)}/`, `${name}=x`]);
});

it.each<[string, Buffer[]]>([
  ['.. in a name', [archive([file('../../host/victim')])]],
  ['.. in the middle of a name', [archive([file('a/../../host/victim')])]],
  ['a hard link out of the image', [archive([link('b', '../../host/victim')])]],
  ['a hard link to what is only on the host', [archive([link('b', '/etc/passwd')])]],
  ['a write below a file', [archive([file('a'), file('a/b')])]],
  ['links in a circle', [archive([symlink('a', 'b'), symlink('b', 'a'), file('a/x')])]],
  ['a whiteout without a name', [archive([file('.wh.')])]],
  ['a negative size', [archive([{ name: 'a', raw: { 124: '\xff'.repeat(12) } }])]],
  ['a size past all numbers', [archive([{ name: 'a', raw: { 124: `\x80${'\x7f'.repeat(11)}` } }])]],
  ['a size that is no octal number', [archive([{ name: 'a', raw: { 124: '99999999999' } }])]],
  ['a PAX size longer than the archive', [archive([{ name: 'a', pax: { size: String(2 ** 40) } }])]],
  [
    'a huge file of holes',
    [
      archive([
        {
          name: 'a',
          pax: {
            'GNU.sparse.major': '0',
            'GNU.sparse.minor': '1',
            'GNU.sparse.map': '0,0',
            'GNU.sparse.size': String(2 ** 45),
          },
        },
      ]),
    ],
  ],
  ['a name that nobody can open', [archive([file(`${'x/'.repeat(2100)}a`)])]],
  ['an archive that is cut off', [archive([file('a', 'y'.repeat(2000))]).subarray(0, 1500)]],
  ['no archive at all', [Buffer.alloc(5000, 'text')]],
])('%s is refused', async (_, layers) => {
  await expect(converted(layers)).rejects.toMatchObject({ code: 'image_invalid' });
});

it('a layer that unpacks to more than it may is refused before it is unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 ** 2));
  let read = 0;
  const layer = layerOf(
    {
      size: bomb.length,
      diffId: sha256(Buffer.alloc(0)),
      async *open() {
        for await (const piece of streamed(bomb, 1000)) {
          read += piece.length;
          yield piece;
        }
      },
    },
    new ByteBudget(1024 ** 2),
    new AbortController().signal,
  );
  const entries = layer.entries()[Symbol.asyncIterator]();
  await expect(entries.next()).rejects.toMatchObject({
    code: 'image_invalid',
    message: expect.stringContaining('unpacks to more') as string,
  });
  expect(read).toBeLessThan(bomb.length / 2);
});
