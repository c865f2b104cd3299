import type { EntryMetadata } from '../../ext4/entry-metadata.ts';
import type { Chunks } from '../../ext4/content.ts';
import type { RootWriter } from './root-writer.ts';

/** A file of a tree: names that are hard links of each other have the same. */
export interface ModelFile {
  readonly kind: string;
  readonly text: string;
  readonly uid: number;
}

/** A tree by path: what a directory is made with, as the owner, or a file. */
export type Tree = Map<string, ModelFile | number>;

/** A tree that is written as the ext4 writer would write it, and as strictly: nothing twice, nothing below a file. */
export class RecordedTree implements RootWriter {
  readonly tree: Tree = new Map();
  readonly #told = new Set<string>();
  /** Bytes of content that were written. */
  written = 0;

  async directory(path: Buffer, { uid }: EntryMetadata): Promise<void> {
    const name = path.toString('latin1');
    if (this.#told.has(name) || typeof this.tree.get(name) === 'object') throw new Error(`twice: ${name}`);
    this.#told.add(name);
    this.#parents(name);
    this.tree.set(name, uid);
  }

  async file(path: Buffer, metadata: EntryMetadata, size: number, chunks: Chunks): Promise<void> {
    let text = '';
    for await (const chunk of chunks) text += chunk.toString('latin1');
    if (text.length !== size) throw new Error('wrong size');
    this.written += size;
    this.#add(path, { kind: 'file', text, uid: metadata.uid });
  }

  async symlink(path: Buffer, { uid }: EntryMetadata, target: Buffer): Promise<void> {
    this.#add(path, { kind: 'symlink', text: target.toString('latin1'), uid });
  }

  async hardLink(path: Buffer, target: Buffer): Promise<void> {
    const file = this.tree.get(target.toString('latin1'));
    if (typeof file !== 'object') throw new Error(`no target: ${target.toString()}`);
    this.#add(path, file);
  }

  async device(
    path: Buffer,
    { uid }: EntryMetadata,
    { kind, major, minor }: Parameters<RootWriter['device']>[2],
  ): Promise<void> {
    this.#add(path, { kind, text: `${major}:${minor}`, uid });
  }

  async fifo(path: Buffer, { uid }: EntryMetadata): Promise<void> {
    this.#add(path, { kind: 'fifo', text: '', uid });
  }

  #add(path: Buffer, file: ModelFile): void {
    const name = path.toString('latin1');
    if (this.tree.has(name)) throw new Error(`twice: ${name}`);
    this.#parents(name);
    this.tree.set(name, file);
  }

  #parents(name: string): void {
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
      const parent = name.slice(0, end);
      if (typeof this.tree.get(parent) === 'object') throw new Error(`below a file: ${name}`);
      if (!this.tree.has(parent)) this.tree.set(parent, 0);
    }
  }
}

/** Names by which a tree's files are the same: each with the first name, in order, that its file has. */
export function shape(tree: Tree): [string, unknown][] {
  const first = new Map<ModelFile, string>();
  return [...tree]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, file]) => {
      if (typeof file === 'number') return [name, file];
      const known = first.get(file);
      if (known !== undefined) return [name, `same as ${known}`];
      first.set(file, name);
      return [name, file];
    });
}
