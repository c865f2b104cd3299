import type { ReadableTree, ResolvedPath } from '../ext4/readable-tree.ts';

/** What an image says of its distribution (os-release(5)). */
export interface OsRelease {
  /** As `debian`. */
  readonly id: string;
  /** As `bookworm`. */
  readonly versionCodename: string | undefined;
  /** As `12` or `3.19.1`. */
  readonly versionId: string | undefined;
}

/** What can be told of an image from its files. */
export interface ImageFacts {
  readonly osRelease: OsRelease | undefined;
  /** The path by which systemd can be started as PID 1. */
  readonly init: string | undefined;
  /** True when there is `/bin/sh` or `/bin/bash`. */
  readonly shell: boolean;
}

/** In the order of os-release(5). */
const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];
/** The longest known have some 500 bytes. */
const MAX_OS_RELEASE_BYTES = 64 * 1024;
/** `/sbin/init` comes first: where it is systemd, the image is meant to be booted, and not only has systemd for its libraries. */
export const INIT_PATHS = [
  '/sbin/init',
  '/usr/sbin/init',
  '/lib/systemd/systemd',
  '/usr/lib/systemd/systemd',
];
/** Where systemd stands in a root file system that is meant to be booted. */
const BOOTED_INITS = ['/sbin/init', '/usr/sbin/init'];
/** Where distributions keep systemd, links resolved: a `/sbin/init` that leads elsewhere is another program. */
const SYSTEMD = /^\/(?:usr\/)?lib\/systemd\/systemd$/;
const SHELLS = ['/bin/sh', '/bin/bash'];
const ANY_EXECUTE = 0o111;

/** Looks at a root file system, be it one that is not finished. */
export async function factsOf(tree: ReadableTree): Promise<ImageFacts> {
  let init: string | undefined;
  for (const path of INIT_PATHS) {
    const found = await executable(tree, path);
    if (found !== undefined && SYSTEMD.test(found.path)) init ??= path;
  }
  let shell = false;
  for (const path of SHELLS) shell ||= (await executable(tree, path)) !== undefined;
  return { osRelease: await osReleaseOf(tree), init, shell };
}

/** What is process 1 in a root file system that says nothing of it. */
export function bootedInit({ init }: ImageFacts): string {
  return BOOTED_INITS.find((path) => path === init) ?? 'agent';
}

async function executable(tree: ReadableTree, path: string): Promise<ResolvedPath | undefined> {
  const found = await tree.resolve(path);
  if (found === undefined || (await tree.kind(found.inode)) !== 'file') return undefined;
  return ((await tree.permissions(found.inode)) & ANY_EXECUTE) === 0 ? undefined : found;
}

/** The first of both that is there counts, be it of use or not. */
async function osReleaseOf(tree: ReadableTree): Promise<OsRelease | undefined> {
  for (const path of OS_RELEASE) {
    const found = await tree.resolve(path);
    if (found === undefined) continue;
    const { inode } = found;
    if ((await tree.kind(inode)) !== 'file' || (await tree.size(inode)) > MAX_OS_RELEASE_BYTES)
      return undefined;
    const pieces: Buffer[] = [];
    for await (const piece of tree.content(inode)) pieces.push(Buffer.from(piece));
    return parseOsRelease(Buffer.concat(pieces).toString('latin1'));
  }
  return undefined;
}

/** Undefined without an id. What has other characters than os-release(5) allows counts as not there. */
export function parseOsRelease(text: string): OsRelease | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key = '', double, single, plain] =
      /^(ID|VERSION_ID|VERSION_CODENAME)=(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/.exec(line) ?? [];
    const value = double ?? single ?? plain ?? '';
    if (/^[a-z0-9._-]{1,64}$/.test(value)) values.set(key, value);
  }
  const id = values.get('ID');
  return id === undefined
    ? undefined
    : { id, versionCodename: values.get('VERSION_CODENAME'), versionId: values.get('VERSION_ID') };
}
