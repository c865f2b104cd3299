import { invalidImage } from '../invalid.ts';
import type { TarEntry } from '../tar/entry.ts';
import type { Coverage } from './coverage.ts';
import { below, layerPath, namesOf, shownPath } from './layer-path.ts';
import { LayerDirectory, LayerFile, LayerNames, type LayerName, type Replaced } from './layer-names.ts';
import type { RootWriter } from './root-writer.ts';
import { markedBy } from './whiteout.ts';
import { pathBytes, writeEntry } from './write-entry.ts';

/** Paths of older layers that hard links of newer ones lead to, and the paths of those links. */
export type WantedLinks = ReadonlyMap<string, readonly string[]>;

/** What the merge of one layer starts from. */
export interface LayerContext {
  readonly root: RootWriter;
  /** What newer layers hide. It is not changed. */
  readonly covered: Coverage;
  readonly wanted: WantedLinks;
  /** Entries, by their number in the layer, that later ones of the same layer replace; undefined when that is not known. */
  readonly replaced: ReadonlySet<number> | undefined;
}

/** One layer on its way into the root file system. */
export class LayerMerge {
  readonly names = new LayerNames();
  /** Paths in older layers. */
  readonly whiteouts = new Set<string>();
  /** Directories of which nothing is left of older layers. */
  readonly opaques = new Set<string>();
  readonly #context: LayerContext;
  /** What hard links of this layer lead to in older ones. */
  readonly #older = new Map<string, LayerFile>();
  /** Files of this layer that are hidden but for a hard link that came later. */
  readonly #missed = new Map<number, LayerFile>();
  #ordinal = -1;

  constructor(context: LayerContext) {
    this.#context = context;
  }

  /**
   * Takes the next entry, and writes it when it can be seen. False when it takes the place of one of this layer that was written: then all
   * has to begin anew, knowing it. Rejects with `image_invalid`.
   */
  async add(entry: TarEntry): Promise<boolean> {
    this.#ordinal += 1;
    const named = layerPath(entry.name);
    const marked = markedBy(named);
    if (marked.kind === 'nothing') return true;
    if (marked.kind === 'whiteout' || marked.kind === 'opaque') {
      (marked.kind === 'opaque' ? this.opaques : this.whiteouts).add(marked.path);
      return true;
    }
    const path = this.names.resolve(named);
    if (entry.kind === 'directory') return this.#unwritten(this.names.putDirectory(path, entry.metadata));
    const ordinal = this.#ordinal;
    const file =
      entry.kind === 'hard link' ? this.#linked(path, entry) : new LayerFile(ordinal, symlinkOf(entry));
    if (file === undefined) return true;
    if (!this.#unwritten(this.names.put(path, { ordinal, file }))) return false;
    if (this.#context.replaced?.has(ordinal) === true) return true;
    if (entry.kind === 'hard link') {
      if (this.#context.covered.showsFile(path)) await this.#link(path, file);
      return true;
    }
    const at = this.#context.covered.showsFile(path) ? path : this.#context.wanted.get(path)?.[0];
    if (at !== undefined) await this.#write(at, file, entry);
    return true;
  }

  /** After the last entry: links what newer layers want of this one. True when the layer has to be read again, for `addMissed`. */
  async linkWanted(): Promise<boolean> {
    for (const [path, links] of this.#context.wanted) {
      const found = this.names.find(path);
      if (found === undefined) continue;
      if (found instanceof LayerDirectory) throw linkToDirectory(path, links[0]);
      for (const link of links) if (link !== found.file.written) await this.#link(link, found.file);
    }
    this.#ordinal = -1;
    return this.#missed.size > 0;
  }

  /** Takes the entries once more, and writes those that were left out and that hard links want. */
  async addMissed(entry: TarEntry): Promise<void> {
    this.#ordinal += 1;
    const file = this.#missed.get(this.#ordinal);
    if (file === undefined) return;
    const [first = '', ...others] = file.waiting ?? [];
    await this.#write(first, file, entry);
    for (const link of others) await this.#link(link, file);
  }

  /** Writes what directories are made with, when no newer layer says it. */
  async finishDirectories(): Promise<void> {
    await this.#finishDirectory('', this.names.root);
  }

  /** What older layers are wanted for. Throws `image_invalid` when this layer hides it. */
  wantedOfOlder(): WantedLinks {
    const wanted = new Map<string, string[]>();
    for (const [path, links] of this.#context.wanted) {
      if (this.names.find(path) !== undefined) continue;
      if (this.#hides(path) || this.#belowFile(path)) throw linkToNothing(path, links[0]);
      wanted.set(path, [...links]);
    }
    for (const [path, { waiting = [] }] of this.#older) {
      if (waiting.length === 0) continue;
      if (this.#hides(path)) throw linkToNothing(path, waiting[0]);
      wanted.set(path, [...(wanted.get(path) ?? []), ...waiting]);
    }
    return wanted;
  }

  /** The file that a hard link is one more name of, undefined when it is that name already. */
  #linked(path: string, entry: TarEntry): LayerFile | undefined {
    const target = this.names.resolve(layerPath(entry.linkName));
    const found = this.names.find(target);
    if (found instanceof LayerDirectory) throw linkToDirectory(target, path);
    if (found !== undefined) return target === path ? undefined : found.file;
    if (this.#belowFile(target)) throw linkToNothing(target, path);
    const older = this.#older.get(target) ?? new LayerFile(undefined);
    this.#older.set(target, older);
    return older;
  }

  async #link(path: string, file: LayerFile): Promise<void> {
    if (file.written !== undefined) {
      await this.#context.root.hardLink(pathBytes(path), pathBytes(file.written));
      return;
    }
    (file.waiting ??= []).push(path);
    if (file.ordinal !== undefined) this.#missed.set(file.ordinal, file);
  }

  async #write(path: string, file: LayerFile, entry: TarEntry): Promise<void> {
    await writeEntry(this.#context.root, path, entry);
    file.written = path;
  }

  /** False when one of the names is in the root file system, or is going to be. */
  #unwritten(names: readonly Replaced[]): boolean {
    const { replaced, covered, wanted } = this.#context;
    return names.every(
      ({ path, ordinal }) =>
        replaced?.has(ordinal) === true || (!covered.showsFile(path) && !wanted.has(path)),
    );
  }

  async #finishDirectory(path: string, directory: LayerDirectory): Promise<void> {
    const { root, covered } = this.#context;
    if (directory.metadata !== undefined && covered.showsDirectory(path))
      await root.directory(pathBytes(path), directory.metadata);
    for (const [name, child] of directory.children)
      if (child instanceof LayerDirectory) await this.#finishDirectory(below(path, name), child);
  }

  /** True when a whiteout of this layer hides a path of older ones. */
  #hides(path: string): boolean {
    if (this.opaques.has('')) return true;
    let at = '';
    return namesOf(path).some((name, depth, { length }) => {
      at = below(at, name);
      return this.whiteouts.has(at) || (depth < length - 1 && this.opaques.has(at));
    });
  }

  /** True when a file of this layer is, or was, at a directory of a path. */
  #belowFile(path: string): boolean {
    let at: LayerName | LayerDirectory = this.names.root;
    for (const name of namesOf(path)) {
      if (!(at instanceof LayerDirectory)) return true;
      const next: LayerName | LayerDirectory | undefined = at.children.get(name);
      if (next === undefined) return at.fresh;
      at = next;
    }
    return false;
  }
}

function symlinkOf({ kind, linkName }: TarEntry): string | undefined {
  return kind === 'symlink' ? linkName.toString('latin1') : undefined;
}

function linkToDirectory(target: string, link = ''): Error {
  return invalidImage(`A layer has ${shownPath(link)}, a hard link to the directory ${shownPath(target)}.`);
}

/** That a hard link leads nowhere. */
export function linkToNothing(target: string, link = ''): Error {
  return invalidImage(
    `A layer has ${shownPath(link)}, a hard link to ${shownPath(target)}, which is in no layer below it.`,
  );
}
