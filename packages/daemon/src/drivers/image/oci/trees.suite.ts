import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { readImage, type FoundEntry } from '../ext4/image.suite.ts';
import { readAll } from './tar/archive.suite.ts';

/** An entry of a tree in the words of both sides. */
export interface Seen {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: string;
  readonly content: string;
  readonly device: string;
  readonly xattrs: Readonly<Record<string, string>>;
  /** The first name, in order, of the same file. */
  readonly same: string;
}

const TYPES: Readonly<Record<string, string>> = { FIFO: 'fifo', regular: 'file' };

/** What debugfs finds in an image. */
export function inImage(file: string): Map<string, Seen> {
  const first = new Map<number, string>();
  const found = [...readImage(file)].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return new Map(
    found.map(([path, entry]) => {
      if (!first.has(entry.inode)) first.set(entry.inode, path);
      return [path, seen(entry, first.get(entry.inode) ?? path)];
    }),
  );
}

function seen(entry: FoundEntry, same: string): Seen {
  const { mode, uid, gid, modified, xattrs, device } = entry;
  const type = TYPES[entry.type] ?? entry.type;
  return {
    type,
    mode,
    uid,
    gid,
    modified: `${modified.seconds}.${modified.nanoseconds}`,
    content: type === 'file' || type === 'symlink' ? entry.content.toString('latin1') : '',
    device: device?.join(':') ?? '',
    xattrs,
    same,
  };
}

/** What is in a directory, by way of GNU tar, which keeps all of it. */
export async function inDirectory(root: string): Promise<Map<string, Seen>> {
  const argv = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--format=pax', '-C', root, '-c', '.'];
  const { stdout } = spawnSync('tar', argv, { maxBuffer: 1024 ** 3 });
  const name = (each: Buffer): string => each.toString('latin1').replace(/^\.\/?|\/$/g, '');
  const files = new Map<string, Omit<Seen, 'same'>>();
  const target = new Map<string, string>();
  for (const entry of await readAll(stdout, { cut: 1e6 })) {
    const path = name(entry.name);
    const of = entry.kind === 'hard link' ? name(entry.linkName) : path;
    target.set(path, of);
    if (of !== path) continue;
    const { mode, uid, gid, modified, xattrs = [] } = entry.metadata;
    const device = entry.kind === 'character' || entry.kind === 'block';
    files.set(path, {
      type: entry.kind,
      mode,
      uid,
      gid,
      modified: `${modified.seconds}.${modified.nanoseconds}`,
      content: (entry.kind === 'symlink' ? entry.linkName : entry.bytes).toString('latin1'),
      device: device ? `${entry.major}:${entry.minor}` : '',
      xattrs: Object.fromEntries(xattrs.map((xattr) => [String(xattr.name), xattr.value.toString('latin1')])),
    });
  }
  // GNU tar tells hard links of files only.
  const first = new Map<number, string>();
  return new Map(
    [...target]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, of]) => {
        const { ino } = lstatSync(Buffer.from(join(root, path), 'latin1'));
        if (!first.has(ino)) first.set(ino, path);
        return [path, { ...(files.get(of) as Seen), same: first.get(ino) ?? path }];
      }),
  );
}
