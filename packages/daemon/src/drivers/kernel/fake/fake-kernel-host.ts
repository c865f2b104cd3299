import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemClock } from '../../../host/clock.ts';
import { FakeExit, FakeRunner } from '../../../host/fake-runner.ts';
import type { DirectoryListener } from '../../../host/staged-directories.ts';
import type { ArchiveReaders } from '../archive-readers.ts';
import type { DownloadOptions } from '../../../host/http/download.ts';
import { debOf, tarOf } from '../kernel-archive.suite.ts';
import { HostKernelSource } from '../source.ts';
import { KernelDirectory, type MakeDisk } from '../store.ts';
import { wantedModules } from '../wanted-modules.ts';
import { makeBzImage, makeModule, makeVmlinux } from './elf-fixture.ts';

/** The release that the pretended package archive has. */
const FAKE_RELEASE = '6.1.0-1-cloud-amd64';

/** What a kernel package unpacks to, by path: an image in `boot`, every wanted module by itself. */
function kernelTree(): ReadonlyMap<string, Buffer> {
  // Not compressed: a test that waits until all work has come to rest cannot see zlib's threads.
  const image = makeBzImage(makeVmlinux(FAKE_RELEASE), { release: FAKE_RELEASE });
  const modules = `lib/modules/${FAKE_RELEASE}`;
  const wanted = wantedModules.filter(({ name }) => name !== 'ext4');
  return new Map([
    [`boot/vmlinuz-${FAKE_RELEASE}`, image],
    [`${modules}/modules.builtin`, Buffer.from('kernel/fs/ext4/ext4.ko\n')],
    ...wanted.map(({ name }): [string, Buffer] => [
      `${modules}/kernel/drivers/${name}.ko`,
      makeModule([`name=${name}`, 'depends=']),
    ]),
  ]);
}

const PACKAGE_FILE = debOf(tarOf(kernelTree()));

/** A machine with apt and one kernel package, all of it pretended; the driver above it is the real one. */
export class FakeKernelHost {
  readonly runner: FakeRunner;
  /** How often a package was downloaded. */
  downloads = 0;
  /** False for a machine whose package lists were never fetched. */
  hasLists = true;
  /** Awaited in the middle of a download: lets a test hold it there. */
  onDownload: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

  constructor() {
    this.runner = new FakeRunner({
      'apt-cache': (args) => this.#show(args),
      'apt-get': async (args, options) => {
        if (args.includes('update')) {
          this.hasLists = true;
          return '';
        }
        await this.onDownload(options.signal);
        this.downloads += 1;
        await writeFile(join(options.cwd ?? '', 'linux-image_1_amd64.deb'), PACKAGE_FILE);
        return 'dlstatus:1:50.0000:Retrieving file 1 of 1\ndlstatus:1:100.0000:Retrieving file 1 of 1\n';
      },
      depmod: () => '',
      sync: () => '',
    });
  }

  #show(args: readonly string[]): string {
    const name = args.at(-1) ?? '';
    const packages: Readonly<Record<string, string>> = {
      'linux-image-cloud-amd64': `linux-image-${FAKE_RELEASE} (= 1)`,
      [`linux-image-${FAKE_RELEASE}`]: 'kmod, linux-base (>= 4.3~)',
    };
    const depends = packages[name];
    if (!this.hasLists || depends === undefined) throw new FakeExit(100, 'E: No packages found');
    const sha256 = createHash('sha256').update(PACKAGE_FILE).digest('hex');
    return [
      `Package: ${name}`,
      'Version: 1',
      `Depends: ${depends}`,
      `Size: ${PACKAGE_FILE.length}`,
      `SHA256: ${sha256}`,
      '',
    ].join('\n');
  }
}

/** Writes what a kernel package unpacks to. */
export async function writeKernelTree(directory: string): Promise<void> {
  for (const [path, content] of kernelTree()) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

/** Store and source below `root` on a pretended machine; `agent` is the path of any file. */
export function createFakeKernels(options: {
  readonly root: string;
  readonly agent: string;
  readonly readers: ArchiveReaders;
  readonly changed?: DirectoryListener;
  /** Catalogs of the configuration; none unless told. */
  readonly catalogs?: readonly string[];
  /** Nothing is said of any host unless told. */
  readonly downloads?: Partial<DownloadOptions>;
  readonly makeDisk?: MakeDisk;
}): {
  readonly host: FakeKernelHost;
  readonly store: KernelDirectory;
  readonly source: HostKernelSource;
} {
  const host = new FakeKernelHost();
  const { runner } = host;
  const store = new KernelDirectory({ ...options, runner });
  const downloads = { hosts: new Map(), clock: { ...systemClock, now: () => 0 }, ...options.downloads };
  const source = new HostKernelSource({ catalogs: [], ...options, store, runner, downloads });
  return { host, store, source };
}
