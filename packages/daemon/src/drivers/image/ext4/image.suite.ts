import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntryMetadata } from './entry-metadata.ts';
import type { Timestamp } from './time.ts';
import { openExt4Writer, type Ext4Options, type Ext4Summary, type Ext4Writer } from './writer.ts';

const MIB = 1024 ** 2;

export const NOW: Timestamp = { seconds: 1_700_000_000, nanoseconds: 5 };
export const PLAIN: EntryMetadata = { mode: 0o644, uid: 0, gid: 0, modified: NOW };

/** The bytes of a string, a byte a character. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Makes a file system in a directory of its own, gives it to `use`, and removes it. */
export async function withImage(
  fill: (writer: Ext4Writer) => Promise<void>,
  use: (file: string, summary: Ext4Summary) => Promise<void> | void,
  options: Partial<Ext4Options> = {},
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ext4-'));
  try {
    const file = join(directory, 'image');
    await using writer = await openExt4Writer(file, {
      sizeBytes: 64 * MIB,
      uuid: bytes('0123456789abcdef'),
      hashSeed: bytes('some seed or so.'),
      now: NOW,
      ...options,
    });
    await fill(writer);
    await use(file, await writer.finish());
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Runs a program of e2fsprogs and gives what it says, byte by byte. */
export function tool(argv: readonly [string, ...string[]]): { status: number | null; output: string } {
  const [program, ...rest] = argv;
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, DEBUGFS_PAGER: '__none__' };
  const directory = mkdtempSync(join(tmpdir(), 'ext4-tool-'));
  try {
    // Not through a pipe: debugfs writes word by word, and each would wake who reads it.
    const said = join(directory, 'said');
    const file = openSync(said, 'wx');
    const result = spawnSync(program, rest, { encoding: 'latin1', env, stdio: ['ignore', file, 'pipe'] });
    closeSync(file);
    return { status: result.status, output: readFileSync(said, 'latin1') + result.stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What e2fsck finds wrong: nothing, if all is well. */
export function problems(file: string): string {
  const { status, output } = tool(['e2fsck', '-fn', file]);
  const said = output.split('\n').filter((line) => !/^(e2fsck |Pass \d|.*: \d+\/\d+ files |$)/.test(line));
  return status === 0 && said.length === 0 ? '' : output;
}

/** Runs commands in debugfs and gives what each of them says. */
export function debugfs(file: string, commands: readonly string[]): string[] {
  const script = `${file}.commands`;
  writeFileSync(script, commands.map((command) => `${command}\n`).join(''));
  const { output } = tool(['debugfs', '-f', script, file]);
  // The same command may come more than once: each is looked for behind the one before.
  const starts: { readonly echo: number; readonly text: number }[] = [];
  for (const command of commands) {
    const echo = output.indexOf(`debugfs: ${command}\n`, starts.at(-1)?.text ?? 0);
    starts.push({ echo, text: echo + `debugfs: ${command}\n`.length });
  }
  return starts.map(({ text }, at) =>
    output.slice(text, starts[at + 1]?.echo ?? output.lastIndexOf('debugfs 1.')),
  );
}

/** What debugfs finds at a path. */
export interface FoundEntry {
  readonly inode: number;
  /** The words of debugfs: `regular`, `directory`, `symlink` and so on. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  readonly modified: Timestamp;
  /** Of a file or a symbolic link. */
  readonly content: Buffer;
  /** The major and the minor number. */
  readonly device: readonly number[] | undefined;
  /** Values by name, a byte a character. */
  readonly xattrs: Readonly<Record<string, string>>;
}

/** Everything in an image but lost+found, as debugfs reads it; paths are bytes, a byte a character. Names of xattrs must be plain. */
export function readImage(file: string): Map<string, FoundEntry> {
  const found = new Map<string, FoundEntry>();
  let level: [string, number][] = [['', 2]];
  while (level.length > 0) {
    const listed = debugfs(
      file,
      level.map(([, inode]) => `ls -p <${inode}>`),
    );
    const below = listed.flatMap((text, at) =>
      listedNames(text).map(([name, inode]): [string, number] => {
        const parent = level[at]?.[0] ?? '';
        return [parent === '' ? name : `${parent}/${name}`, inode];
      }),
    );
    const here = level[0]?.[0] === '' ? [...level, ...below] : below;
    const entries = readEntries(
      file,
      here.map(([, inode]) => inode),
    );
    here.forEach(([path], at) => found.set(path, entries[at]!));
    level = below.filter(([path]) => path !== 'lost+found' && found.get(path)?.type === 'directory');
  }
  found.delete('lost+found');
  return found;
}

/** The names in what `ls -p` says, which are anything, a new line too. It takes large owners for negative ones. */
function listedNames(text: string): [string, number][] {
  return text
    .split(/^(?=\/\d+\/\d{6}\/-?\d+\/-?\d+\/)/m)
    .map((entry) => /^\/(\d+)\/\d{6}\/-?\d+\/-?\d+\/([^]*)\/\d*\/\n+$/.exec(entry))
    .filter((match) => match !== null)
    .map((match): [string, number] => [match[2]!, Number(match[1])])
    .filter(([name]) => name !== '.' && name !== '..');
}

function readEntries(file: string, inodes: readonly number[]): FoundEntry[] {
  const stats = debugfs(
    file,
    inodes.map((inode) => `stat <${inode}>`),
  );
  const named = stats.map((text) => [...text.matchAll(/^ {2}(\S+) \(\d+\)/gm)].map((match) => match[1]!));
  const wanted = inodes.flatMap((inode, at) => named[at]!.map((name) => ({ inode, name })));
  debugfs(file, [
    ...inodes.map((inode) => `dump <${inode}> ${file}.${inode}`),
    ...wanted.map(({ inode, name }) => `ea_get -f ${file}.${inode}.${name} <${inode}> ${name}`),
  ]);
  return inodes.map((inode, at) => {
    const text = stats[at]!;
    const field = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? '';
    const type = field(/Type: (\w+)/);
    const time = /^ ?mtime: 0x(\w+):(\w+)/m.exec(text)!;
    const [low, extra] = [Number.parseInt(time[1]!, 16), Number.parseInt(time[2]!, 16)];
    const fast = /Fast link dest: "([^]*)"\n/.exec(text)?.[1];
    const device = /Device major\/minor number: (\d+):(\d+)/.exec(text);
    return {
      inode,
      type,
      mode: Number.parseInt(field(/Mode: +(\d+)/), 8),
      uid: Number(field(/User: +(-?\d+)/)) >>> 0,
      gid: Number(field(/Group: +(-?\d+)/)) >>> 0,
      size: Number(field(/Size: (\d+)\n/)),
      links: Number(field(/Links: (\d+)/)),
      modified: { seconds: (low | 0) + (extra & 3) * 2 ** 32, nanoseconds: extra >>> 2 },
      content: fast === undefined ? readFileSync(`${file}.${inode}`) : bytes(fast),
      device: device?.slice(1).map(Number),
      xattrs: Object.fromEntries(
        named[at]!.map((name) => [name, readFileSync(`${file}.${inode}.${name}`, 'latin1')]),
      ),
    };
  });
}
