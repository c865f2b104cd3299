import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeExit, FakeRunner, type FakeProgram } from '../../../host/fake-runner.ts';
import type { DirectoryListener } from '../../../host/staged-directories.ts';
import { BuildNamespace } from '../build-namespace.ts';
import { RecipeImageBuilder } from '../builder.ts';
import { ImageDirectory } from '../store.ts';

const MIB = 1024 ** 2;

/** A machine with mmdebstrap and mke2fs, all of it pretended; the builder above it is the real one. */
export class FakeImageHost {
  readonly runner: FakeRunner;
  /** How often a tree was built. */
  builds = 0;
  /** Awaited in the middle of a build: lets a test hold it there, or fail it. */
  onBuild: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

  constructor() {
    const inside: Readonly<Record<string, FakeProgram>> = {
      true: () => '',
      mmdebstrap: async (args, options) => {
        const tree = args.find((arg) => arg.startsWith('/'));
        if (tree === undefined) throw new FakeExit(25, 'E: no target');
        for (const line of ['I: running apt-get update...', 'I: downloading packages with apt...'])
          options.onLine?.('stderr', line);
        await writeTree(tree);
        await this.onBuild(options.signal);
        this.builds += 1;
        for (const line of [
          'I: installing remaining packages inside the chroot...',
          'I: cleaning package lists and apt cache...',
        ])
          options.onLine?.('stderr', line);
        return '';
      },
      du: (args) => `${300 * MIB}\t${args.at(-1) ?? ''}\n`,
      mke2fs: async (args) => {
        const [file, size] = args.slice(-2);
        const mebibytes = /^(\d+)M$/.exec(size ?? '')?.[1];
        if (file === undefined || mebibytes === undefined) throw new FakeExit(1, 'mke2fs: invalid size');
        const image = await open(file, 'wx');
        await image.truncate(Number(mebibytes) * MIB);
        await image.close();
        return '';
      },
      e2fsck: () => '',
    };
    this.runner = new FakeRunner({
      ...inside,
      // setpriv … -- unshare … -- program: what comes after the second `--` is the program itself.
      setpriv: (args, options) => {
        const [program = '', ...rest] = args.slice(args.indexOf('--', args.indexOf('--') + 1) + 1);
        const play = inside[program];
        if (play === undefined) throw new FakeExit(127, `unshare: failed to execute ${program}`);
        return play(rest, options);
      },
      // Only ever started by setpriv.
      unshare: () => '',
      'apt-get': () => '',
      'apt-config': () => '',
    });
  }
}

/** Writes what mmdebstrap leaves, as far as the builder touches it. */
async function writeTree(tree: string): Promise<void> {
  for (const path of [
    'etc/apt/apt.conf.d',
    'etc/default',
    'etc/profile.d',
    'etc/systemd/system',
    'root',
    'var/lib/apt/lists',
  ])
    await mkdir(join(tree, path), { recursive: true });
  for (const path of ['etc/hostname', 'etc/resolv.conf', 'etc/machine-id', 'var/lib/apt/lists/lock'])
    await writeFile(join(tree, path), 'of this machine\n');
}

/** Store and builder below `root` on a pretended machine. */
export function createFakeImages(
  root: string,
  changed?: DirectoryListener,
): {
  readonly host: FakeImageHost;
  readonly store: ImageDirectory;
  readonly builder: RecipeImageBuilder;
} {
  const host = new FakeImageHost();
  const { runner } = host;
  const namespace = new BuildNamespace(runner, 0);
  const store = new ImageDirectory(root, (path) => namespace.remove(path), changed);
  const builder = new RecipeImageBuilder({ store, runner, namespace, now: () => 0 });
  return { host, store, builder };
}
