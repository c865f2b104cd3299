import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../host/clock.ts';
import { Downloads } from '../../../host/http/download.ts';
import { FakeExit, FakeRunner, type FakeProgram } from '../../../host/fake-runner.ts';
import type { DirectoryListener } from '../../../host/staged-directories.ts';
import { bundleExporter } from '../bundle/write-bundle.ts';
import { BuildNamespace } from '../build-namespace.ts';
import { RecipeImageBuilder } from '../builder.ts';
import { MOST_BUNDLE_BYTES } from '../bundle/bundle-address.ts';
import { ConfiguredImageCatalogs } from '../catalogs.ts';
import type { ImageExporter } from '../driver.ts';
import { archive } from '../oci/tar/archive.suite.ts';
import { OciImagePuller } from '../pull/puller.ts';
import { BlobCache } from '../registry/blob-cache.ts';
import { RegistryClient } from '../registry/client.ts';
import { FileImageRegistrar } from '../register/registrar.ts';
import { ImageDirectory } from '../store.ts';
import { StagedUploads } from '../upload/uploads.ts';

/** A machine with a pretended mmdebstrap and tar; the builder above it is the real one. */
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
        await mkdir(join(tree, 'etc'));
        await this.onBuild(options.signal);
        this.builds += 1;
        for (const line of [
          'I: installing remaining packages inside the chroot...',
          'I: cleaning package lists and apt cache...',
        ])
          options.onLine?.('stderr', line);
        return '';
      },
      tar: async (args) => {
        const file = args.find((arg) => arg.startsWith('--file='));
        await writeFile(file?.replace('--file=', '') ?? '', pretendedSystem);
        return '';
      },
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

/** What is packed, as far as the recipes touch it. */
const pretendedSystem = archive([
  ...[
    '',
    'etc/',
    'etc/apt/',
    'etc/apt/apt.conf.d/',
    'etc/default/',
    'etc/profile.d/',
    'etc/systemd/',
    'etc/systemd/system/',
    'var/lib/apt/lists/',
  ].map((path) => ({ name: `./${path}`, type: '5', mode: 0o755 })),
  { name: './root/', type: '5', mode: 0o700 },
  ...['etc/hostname', 'etc/resolv.conf', 'etc/machine-id', 'var/lib/apt/lists/lock', 'root/.profile'].map(
    (path) => ({ name: `./${path}`, content: 'of this machine\n' }),
  ),
]);

/** Store, builder and puller below `root` on a pretended machine, which has no logins. Registries are asked for real. */
export function createFakeImages(
  root: string,
  changed?: DirectoryListener,
  catalogs: readonly string[] = [],
): {
  readonly host: FakeImageHost;
  readonly catalogs: ConfiguredImageCatalogs;
  readonly store: ImageDirectory;
  readonly builder: RecipeImageBuilder;
  readonly puller: OciImagePuller;
  readonly blobs: BlobCache;
  readonly exporter: ImageExporter;
  readonly registrar: FileImageRegistrar;
  readonly uploads: StagedUploads;
} {
  const host = new FakeImageHost();
  const { runner } = host;
  const namespace = new BuildNamespace(runner, 0);
  const store = new ImageDirectory(root, (path) => namespace.remove(path), changed);
  const configured = new ConfiguredImageCatalogs(catalogs);
  const recipe = (name: string): ReturnType<typeof configured.recipe> => configured.recipe(name);
  const builder = new RecipeImageBuilder({ store, runner, namespace, now: () => 0, recipe });
  const blobs = new BlobCache(`${root}-blobs`);
  const registry = new RegistryClient({
    registries: new Map(),
    credentials: { find: async () => ({ found: undefined, from: undefined, looked: [] }) },
    cache: blobs,
    clock: systemClock,
  });
  const registrar = new FileImageRegistrar({ store, now: () => 0 });
  const downloads = new Downloads({ hosts: new Map(), clock: systemClock, mostBytes: MOST_BUNDLE_BYTES });
  const uploads = new StagedUploads(store.staged, MOST_BUNDLE_BYTES);
  const puller = new OciImagePuller({ store, registry, downloads, uploads, now: () => 0 });
  return {
    host,
    catalogs: configured,
    store,
    builder,
    puller,
    blobs,
    exporter: bundleExporter,
    registrar,
    uploads,
  };
}
