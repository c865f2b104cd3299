import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DebianRegistry } from '../e2e/image/debian-registry.ts';
import { writeLargeImage } from './large-image.ts';
import { ratio, summary, takeTurns, timed, type Benchmark, type Result } from './measure.ts';
import { Podman } from './podman.ts';
import { banger, program } from './program.ts';
import { median } from './statistics.ts';

const MIB = 1024 ** 2;
const SKOPEO = ['skopeo', '--insecure-policy', 'copy'];

/**
 * `image pull` of a large image from a registry of this machine against skopeo, umoci and mkfs.ext4, as root, and against podman pull, which makes
 * no disk; each time followed by the pull of an image that shares all layers but the newest.
 */
export const imagePull: Benchmark = {
  name: 'image-pull',
  rounds: 5,
  run: async ({ say, scale }, rounds) => {
    const directory = mkdtempSync(join(tmpdir(), 'banger-bench-pull-'));
    const home = join(directory, 'home');
    const registry = await DebianRegistry.start({ directory });
    let podman: Podman | undefined;
    try {
      const place = `${registry.host}/bench/large`;
      for (const [tag, image] of Object.entries(writeLargeImage(join(directory, 'layout'), scale)))
        await program([...SKOPEO, '--dest-tls-verify=false', image, `docker://${place}:${tag}`]);
      mkdirSync(join(home, 'config'), { recursive: true, mode: 0o700 });
      const configuration = `[registries."${registry.host}"]\nplain_http = true\n`;
      writeFileSync(join(home, 'config/config.toml'), configuration, { mode: 0o600 });
      podman = await Podman.open(join(directory, 'podman'), `${place}:second`, say);

      const ours = new Ours(home, place);
      const sides = { ours: () => ours.round(), bare: () => bareConversion(`docker://${place}:first`) };
      if (podman === undefined) return resultOf(rounds, scale, ours, await takeTurns(rounds, sides, say));
      const theirs = new Theirs(podman, place);
      const values = await takeTurns(rounds, { ...sides, podman: () => theirs.round() }, say);
      const seconds = { podman: values.podman, podmanSecond: theirs.second.slice(1) };
      return resultOf(rounds, scale, ours, values, { driver: podman.driver, ...seconds });
    } finally {
      await banger(['daemon', 'stop'], home).catch((error: unknown) => say(String(error)));
      await podman?.close();
      await registry.end();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** Pulls by banger, and what is seen of each; a value a round, the one to warm up included. */
class Ours {
  readonly second: number[] = [];
  readonly peakMiB: number[] = [];
  readonly written: number[] = [];
  readonly #home: string;
  readonly #place: string;

  constructor(home: string, place: string) {
    this.#home = home;
    this.#place = place;
  }

  /** Milliseconds of the first pull. */
  async round(): Promise<number> {
    const home = this.#home;
    const pull = (name: string): Promise<number> =>
      timed(() => banger(['image', 'pull', '--name', name, `${this.#place}:${name}`], home));
    const ms = await pull('first');
    this.peakMiB.push(peakBytes(await daemonPid(home)) / MIB);
    this.written.push(writtenShare(home, 'first'));
    this.second.push(await pull('second'));
    await banger(['image', 'delete', 'first', 'second'], home);
    await banger(['image', 'cache', 'prune'], home);
    // A daemon of its own for the next round, whose peak is that of one pull.
    await banger(['daemon', 'stop'], home);
    await banger(['ps'], home);
    return ms;
  }
}

/** The same by podman. */
class Theirs {
  readonly second: number[] = [];
  readonly #podman: Podman;
  readonly #place: string;

  constructor(podman: Podman, place: string) {
    this.#podman = podman;
    this.#place = place;
  }

  async round(): Promise<number> {
    const ms = await this.#podman.pull(`${this.#place}:first`);
    this.second.push(await this.#podman.pull(`${this.#place}:second`));
    await this.#podman.forget();
    return ms;
  }
}

/** Times of podman, where it works. */
interface PodmanTimes {
  readonly driver: string;
  readonly podman: readonly number[];
  readonly podmanSecond: readonly number[];
}

function resultOf(
  n: number,
  scale: number,
  ours: Ours,
  { ours: first, bare }: Readonly<Record<'ours' | 'bare', readonly number[]>>,
  podmanTimes?: PodmanTimes,
): Result {
  const second = ours.second.slice(1);
  const { driver = 'not here', ...podman } = podmanTimes ?? {};
  const values = { ours: first, bare, second, ...podman };
  const size = scale === 1 ? '1 GB, 50,000 files' : `${scale} of 1 GB and of 50,000 files`;
  return {
    name: 'image-pull',
    what: `\`image pull\` of ${size}, 8 layers from a local registry : skopeo copy, umoci unpack, mkfs.ext4 -d, as root; second: 7 of the layers are here; podman (${driver}) unpacks and makes no disk`,
    n,
    figures: {
      ratio: ratio(first, bare),
      ratioSecondToFirst: ratio(second, first),
      ...(podmanTimes === undefined
        ? {}
        : {
            ratioToPodman: ratio(first, podmanTimes.podman),
            ratioSecondToPodman: ratio(second, podmanTimes.podmanSecond),
          }),
      ...summary(values),
      peakMiB: Math.max(...ours.peakMiB),
      writtenToContent: median(ours.written),
    },
    values,
  };
}

async function daemonPid(home: string): Promise<number> {
  return (JSON.parse(await banger(['daemon', 'status', '--json'], home)) as { readonly pid: number }).pid;
}

/** The most memory that a process has had at a time (proc_pid_status(5), VmHWM). */
function peakBytes(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** What the disks of an image take of the host, against what its files take. */
function writtenShare(home: string, name: string): number {
  const directory = join(home, 'state/images', name);
  const { contentBytes } = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as {
    readonly contentBytes: number;
  };
  return allocated(join(directory, 'root.ext4')) / contentBytes;
}

/** Bytes that a file takes, holes left out; st_blocks counts in 512 (stat(2)). */
function allocated(file: string): number {
  return statSync(file).blocks * 512;
}

async function bareConversion(from: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'banger-bare-pull-'));
  const [layout, bundle] = [join(directory, 'layout'), join(directory, 'bundle')];
  try {
    return await timed(async () => {
      await program([...SKOPEO, '--src-tls-verify=false', from, `oci:${layout}:image`]);
      await program(['umoci', 'unpack', '--image', `${layout}:image`, bundle]);
      await program(['mkfs.ext4', '-q', '-d', join(bundle, 'rootfs'), join(directory, 'root.ext4'), '8G']);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
