import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, linkSync, lutimesSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolPlace } from '@banger/daemon/drivers/image/oci/tools.suite';
import type { Written } from '@banger/daemon/drivers/image/oci/tar/archive.suite';

function run(argv: readonly string[]): string {
  const [program = '', ...rest] = argv;
  return execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** What every image here says besides its layers. */
export const SAID = { env: 'GREETING=hello', cwd: '/srv', command: '/walker' } as const;

/**
 * Puts a directory in the place of /var/lib, for one program: there buildah remembers blobs, and nothing else moves that. Told that it works for
 * another user than root, as skopeo is, it would leave devices out.
 */
const WITH_VAR_LIB = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind "$1" /var/lib && shift && exec "$@"',
  'sh',
];

/** buildah with all that it keeps in a directory. Nothing of an image is run: it needs no namespace. */
export class Buildah {
  readonly #argv: readonly string[];

  constructor(directory: string) {
    const storage = join(directory, 'buildah');
    const place = toolPlace(directory);
    mkdirSync(place, { recursive: true });
    const places = ['--root', join(storage, 'root'), '--runroot', join(storage, 'run')];
    this.#argv = [
      ...WITH_VAR_LIB,
      place,
      'env',
      `HOME=${place}`,
      'buildah',
      ...places,
      '--storage-driver',
      'vfs',
    ];
  }

  /** Makes an image of a layer with a program, and a layer for each change to the tree. */
  make(name: string, program: string, ...changes: readonly ((tree: string) => void)[]): void {
    let container = this.#do(['from', 'scratch']);
    this.#do(['add', '--quiet', container, program, '/walker']);
    const { env, cwd, command } = SAID;
    this.#do(['config', '--env', env, '--workingdir', cwd, '--cmd', command, container]);
    for (const [at, change] of changes.entries()) {
      this.#do(['commit', '--quiet', container, `localhost/base-${at}`]);
      container = this.#do(['from', '--pull-never', `localhost/base-${at}`]);
      change(this.#do(['mount', container]));
      this.#do(['umount', container]);
    }
    this.#do(['commit', '--quiet', container, `localhost/${name}`]);
  }

  /** Pushes it to where skopeo would call it so. */
  push(name: string, to: string, options: readonly string[]): void {
    this.#do(['push', '--quiet', '--tls-verify=false', ...options, `localhost/${name}`, to]);
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

/** What `changeTree` finds. */
export const TO_CHANGE: readonly Written[] = [
  ...['gone', 'replaced', 'kept'].map((name) => ({ name: `${name}/`, type: '5', mode: 0o755 })),
  ...['gone/file', 'replaced/file', 'kept/file', 'linked'].map((name) => ({ name, content: name })),
];

/** Changes a tree in every way that a layer can tell: entries gone, another thing in their place, new names, new attributes. */
export function changeTree(tree: string): void {
  const at = (name: string): string => join(tree, name);
  for (const name of ['gone', 'replaced']) rmSync(at(name), { recursive: true });
  writeFileSync(at('replaced'), 'a file in the place of a directory');
  writeFileSync(at('kept/new'), 'new');
  linkSync(at('kept/new'), at('kept/its other name'));
  linkSync(at('linked'), at('kept/linked'));
  mkdirSync(at('kept/made'), { mode: 0o700 });
  chmodSync(at('kept'), 0o3751);
  appendFileSync(at('walker'), 'longer');
  for (const name of ['new', 'made']) lutimesSync(at(`kept/${name}`), 1_500_000_000.25, 1_500_000_000.25);
}
