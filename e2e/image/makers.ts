import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

function run(argv: readonly string[]): string {
  const [program = '', ...rest] = argv;
  return execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** What every image here says besides its layers. */
export const SAID = { env: 'GREETING=hello', cwd: '/srv', command: '/walker' } as const;

/** buildah with a storage of its own in a directory. Nothing of an image is run: it needs no namespace. */
export class Buildah {
  readonly #argv: readonly string[];

  constructor(directory: string) {
    const places = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
    this.#argv = ['buildah', ...places, '--storage-driver', 'vfs'];
  }

  /** Makes an image of two layers: an archive, and then what `change` does to the tree. */
  make(name: string, archive: string, change: (tree: string) => void): void {
    const base = this.#do(['from', 'scratch']);
    this.#do(['add', '--quiet', base, archive, '/']);
    const { env, cwd, command } = SAID;
    this.#do(['config', '--env', env, '--workingdir', cwd, '--cmd', command, base]);
    this.#do(['commit', '--quiet', base, 'localhost/base']);
    const next = this.#do(['from', '--pull-never', 'localhost/base']);
    change(this.#do(['mount', next]));
    this.#do(['umount', next]);
    this.#do(['commit', '--quiet', next, `localhost/${name}`]);
  }

  push(name: string, to: string, options: readonly string[]): void {
    this.#do(['push', '--quiet', '--tls-verify=false', ...options, `localhost/${name}`, `docker://${to}`]);
  }

  /** Pushes an index that has this image alone. */
  pushIndex(name: string, to: string): void {
    this.#do(['manifest', 'create', 'localhost/index']);
    this.#do(['manifest', 'add', 'localhost/index', `localhost/${name}`]);
    this.#do(['manifest', 'push', '--all', '--tls-verify=false', 'localhost/index', `docker://${to}`]);
  }

  #do(argv: readonly string[]): string {
    return run([...this.#argv, ...argv]);
  }
}

/** Puts a layer of what `change` does to the tree over the image of a layout, as umoci makes layers, and says how it is run. */
export function remakeByUmoci(layout: string, bundle: string, change: (tree: string) => void): void {
  const image = ['--image', `${layout}:image`];
  run(['umoci', 'unpack', ...image, bundle]);
  change(join(bundle, 'rootfs'));
  run(['umoci', 'repack', ...image, bundle]);
  const { env, cwd, command } = SAID;
  run([
    ...['umoci', 'config', ...image, '--config.env', env],
    ...['--config.workingdir', cwd, '--config.cmd', command],
  ]);
}

/** Changes a tree in every way that a layer can tell: entries gone, another thing in their place, new names, new attributes. */
export function changeTree(tree: string): void {
  const names = readdirSync(Buffer.from(tree), { encoding: 'buffer' });
  const at = (name: Buffer | string): Buffer =>
    Buffer.concat([Buffer.from(`${tree}/`), typeof name === 'string' ? Buffer.from(name) : name]);
  const directories = names.filter((name) => statSync(at(name), { throwIfNoEntry: false })?.isDirectory());
  const [gone, replaced, filled] = directories;
  if (gone === undefined || replaced === undefined || filled === undefined)
    throw new Error('the tree has too few directories to change');
  for (const name of [gone, replaced]) rmSync(at(name), { recursive: true });
  writeFileSync(at(replaced), 'a file in the place of a directory');
  const below = (name: string): Buffer => Buffer.concat([at(filled), Buffer.from(`/${name}`)]);
  writeFileSync(below('new'), 'new');
  linkSync(below('new'), below('its other name'));
  mkdirSync(below('made'), { mode: 0o700 });
  chmodSync(at(filled), 0o3751);
  appendFileSync(at('walker'), 'longer');
  for (const name of ['new', 'made']) lutimesSync(below(name), 1_500_000_000.25, 1_500_000_000.25);
}
