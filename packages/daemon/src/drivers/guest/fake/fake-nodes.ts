import { dirname, normalize, resolve } from 'node:path';
import { constants } from 'node:os';

interface Common {
  readonly mode: number;
  readonly mtimeNs?: bigint;
}

/** A file of the fake guest. */
export interface FakeFile extends Common {
  readonly uid: number;
  readonly gid: number;
  readonly content: Uint8Array;
}

/** What a path of the fake guest is. */
export type FakeNode =
  | ({ readonly kind: 'file' } & FakeFile)
  | ({ readonly kind: 'directory' } & Common)
  | ({ readonly kind: 'link'; readonly target: string } & Common);

/** A failure of the fake guest's kernel. */
export class FakeFailure extends Error {
  readonly errno: number;

  constructor(code: 'ENOENT' | 'ENOTDIR' | 'EISDIR', message: string) {
    super(message);
    this.errno = constants.errno[code];
  }
}

/** The file system of a fake guest: absolute paths, as raw text. */
export class FakeNodes {
  readonly #nodes = new Map<string, FakeNode>();

  constructor(directories: readonly string[]) {
    for (const path of directories) this.#nodes.set(path, { kind: 'directory', mode: 0o755 });
  }

  /** What is there itself, not what it links to. */
  get(path: string): FakeNode | undefined {
    return this.#nodes.get(plain(path));
  }

  set(path: string, node: FakeNode): void {
    this.#nodes.set(plain(path), node);
  }

  /** As rename(2) does: a directory is not replaced. */
  replace(path: string, node: FakeNode): void {
    if (this.get(path)?.kind === 'directory') throw new FakeFailure('EISDIR', `${path}: Is a directory`);
    this.set(path, node);
  }

  /** The path that a link leads to, else the path itself. */
  follow(path: string): string {
    const node = this.get(path);
    return node?.kind === 'link' ? this.follow(resolve(dirname(plain(path)), node.target)) : plain(path);
  }

  /** Names in a directory. */
  children(path: string): string[] {
    const below = plain(path) === '/' ? '/' : `${plain(path)}/`;
    return [...this.#nodes.keys()]
      .filter((each) => each !== '/' && each.startsWith(below) && !each.slice(below.length).includes('/'))
      .map((each) => each.slice(below.length));
  }
}

/** Without a slash at its end. */
function plain(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/, '');
}
