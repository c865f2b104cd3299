import { below, namesOf } from './layer-path.ts';
import { LayerDirectory } from './layer-names.ts';

/** A name in newer layers: all that is there in older ones is hidden, or it is a directory. */
type Cover = 'covered' | CoveredDirectory;

class CoveredDirectory {
  readonly children = new Map<string, Cover>();
  /** False when it is only known because something below it is hidden. */
  there = false;
  /** True when no older layer says what it is made with. */
  settled = false;
  /** True when a layer said what it is made with. */
  made = false;
  /** True when no older layer adds to it. */
  opaque = false;
}

/** What newer layers leave to be seen of older ones. */
export class Coverage {
  readonly #root = new CoveredDirectory();

  constructor() {
    this.#root.there = true;
  }

  /** True when something other than a directory can be seen at a path. */
  showsFile(path: string): boolean {
    const found = this.#find(path);
    return found === undefined || (found !== 'covered' && !found.there);
  }

  /** True when what a directory is made with can be seen. */
  showsDirectory(path: string): boolean {
    const found = this.#find(path);
    return found === undefined || (found !== 'covered' && !found.settled);
  }

  /** Adds a layer that is older than all before. */
  add(layer: LayerDirectory, whiteouts: Iterable<string>, opaques: Iterable<string>): void {
    addDirectory(this.#root, layer);
    for (const path of whiteouts) this.#hide(path);
    for (const path of opaques) {
      const directory = this.#directory(namesOf(path));
      if (directory !== undefined) directory.opaque = true;
    }
  }

  /** Directories of which no layer says what they are made with. */
  *unmade(): Generator<string, void, void> {
    yield* unmadeBelow('', this.#root);
  }

  #find(path: string): Cover | undefined {
    let at: Cover = this.#root;
    for (const name of namesOf(path)) {
      if (at.opaque) return 'covered';
      const next: Cover | undefined = at.children.get(name);
      if (next === undefined || next === 'covered') return next;
      at = next;
    }
    return at;
  }

  /** The directory of these names, made for what is hidden below it; undefined when it is hidden itself. */
  #directory(names: readonly string[]): CoveredDirectory | undefined {
    let at = this.#root;
    for (const name of names) {
      if (at.opaque) return undefined;
      const next = at.children.get(name) ?? new CoveredDirectory();
      if (next === 'covered') return undefined;
      at.children.set(name, next);
      at = next;
    }
    return at;
  }

  #hide(path: string): void {
    const names = namesOf(path);
    const name = names.pop();
    const parent = this.#directory(names);
    if (parent === undefined || parent.opaque || name === undefined) return;
    cover(parent, name);
  }
}

function addDirectory(covered: CoveredDirectory, layer: LayerDirectory): void {
  covered.there = true;
  if (layer.metadata !== undefined && !covered.settled) {
    covered.settled = true;
    covered.made = true;
  }
  if (covered.opaque) return;
  for (const [name, child] of layer.children) {
    if (!(child instanceof LayerDirectory)) {
      cover(covered, name);
      continue;
    }
    const there = covered.children.get(name) ?? new CoveredDirectory();
    if (there === 'covered') continue;
    covered.children.set(name, there);
    addDirectory(there, child);
    if (child.fresh) cover(covered, name);
  }
}

function* unmadeBelow(path: string, directory: CoveredDirectory): Generator<string, void, void> {
  if (directory.there && !directory.made) yield path;
  for (const [name, child] of directory.children)
    if (child !== 'covered') yield* unmadeBelow(below(path, name), child);
}

/** Hides what older layers have at a name, but leaves what newer ones have. */
function cover(directory: CoveredDirectory, name: string): void {
  const there = directory.children.get(name);
  if (there instanceof CoveredDirectory && there.there) {
    there.opaque = true;
    there.settled = true;
  } else {
    directory.children.set(name, 'covered');
  }
}
