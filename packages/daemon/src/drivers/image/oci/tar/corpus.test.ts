import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { ByteBudget } from '../byte-budget.ts';
import { readAll, type ReadEntry } from './archive.suite.ts';

/** Where distributions put the archives that Go tests its reader with. */
const FILES = globSync([
  '/usr/share/go-*/src/archive/tar/testdata/*.tar',
  '/usr/lib/go/src/archive/tar/testdata/*.tar',
  '/usr/lib/golang/src/archive/tar/testdata/*.tar',
]);

/** What we refuse, with a part of what is said. libarchive mends some of these, and warns. */
const REFUSED: Readonly<Record<string, string>> = {
  'gnu-incremental.tar': 'the type "D"',
  'gnu-sparse-big.tar': 'unpacks to more',
  'issue10968.tar': 'checksum',
  'issue11169.tar': 'in the middle',
  'issue12435.tar': 'checksum',
  'neg-size.tar': 'the mode',
  'pax-bad-hdr-file.tar': 'damaged extended header',
  'pax-bad-mtime-file.tar': 'the time',
  'pax-nul-path.tar': 'a NUL',
  'pax-nul-xattrs.tar': 'a NUL',
  'pax-path-hdr.tar': 'in the middle',
  'pax-sparse-big.tar': 'unpacks to more',
  'writer-big-long.tar': 'in the middle',
  'writer-big.tar': 'in the middle',
};

/** Where we read as Go's reader does, which nearly all tools for images have, and libarchive does not. */
const AS_GO: Readonly<Record<string, readonly string[]>> = {
  // Go before 1.8 wrote the prefix where GNU has times.
  'invalid-go17.tar': [`${'a'.repeat(97)}/foo file 0`],
  // The size has a NUL in front.
  'nil-uid.tar': ['P1050238.JPG.log file 14'],
  // A later extended header replaces an earlier one.
  'pax-multi-hdrs.tar': ['bar link 0'],
};

const TYPES: Readonly<Record<string, string>> = {
  directory: 'dir',
  symlink: 'link',
  character: 'char',
  'hard link': 'file',
};

type Line = Readonly<Record<string, string | undefined>>;

/** What bsdtar reads, as mtree(5), by name. */
function oracle(file: string): Map<string, Line> {
  const options = '--options=!all,type,mode,uid,gid,size,link,time,sha256';
  const { stdout } = spawnSync('bsdtar', ['-cf', '-', '--format=mtree', options, `@${file}`], {
    encoding: 'latin1',
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('./'));
  return new Map(
    lines.map((line) => {
      const [name = '', ...words] = line.slice(2).split(' ');
      const plain = name.replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
      return [plain, Object.fromEntries(words.map((word) => word.split('=')))];
    }),
  );
}

function lineOf({ kind, metadata, size, linkName, bytes }: ReadEntry): Line {
  const { seconds, nanoseconds } = metadata.modified;
  const file = kind === 'file';
  return {
    type: TYPES[kind] ?? kind,
    mode: metadata.mode.toString(8),
    uid: String(metadata.uid),
    gid: String(metadata.gid),
    time: `${seconds}.${nanoseconds}`,
    ...(kind === 'symlink' ? { link: linkName.toString('latin1') } : {}),
    ...(file || kind === 'hard link' ? { size: String(size) } : {}),
    ...(file ? { sha256digest: createHash('sha256').update(bytes).digest('hex') } : {}),
  };
}

/** What bsdtar unpacks, for files with holes: its hash in mtree is of what is between them. */
function withHoles(file: string, name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'corpus-'));
  try {
    spawnSync('bsdtar', ['-xf', file, '-C', directory, name]);
    return createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

it('there is a corpus', () => expect(FILES.length).toBeGreaterThan(30));

it.each(FILES.map((file) => [basename(file), file]))('%s', async (name, file) => {
  const read = readAll(readFileSync(file), { budget: new ByteBudget(2 ** 28) });
  const refused = REFUSED[name];
  if (refused !== undefined) {
    await expect(read).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining(refused) as string,
    });
    return;
  }
  const entries = await read;
  const found = new Map(
    entries.map((entry) => [entry.name.toString('latin1').replace(/\/$/, ''), lineOf(entry)]),
  );
  if (AS_GO[name] !== undefined) {
    expect([...found].map(([path, { type, size = '0' }]) => `${path} ${type} ${size}`)).toEqual(AS_GO[name]);
    return;
  }
  const expected = oracle(file);
  for (const [path, line] of expected)
    if (name.includes('sparse') && line['type'] === 'file')
      expected.set(path, { ...line, sha256digest: withHoles(file, path) });
  expect(found).toEqual(expected);
});
