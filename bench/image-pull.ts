import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DebianRegistry } from '../e2e/image/debian-registry.ts';
import { writeLargeImage } from './large-image.ts';
import { ratio, summary, takeTurns, timed, type Benchmark } from './measure.ts';
import { banger, program } from './program.ts';
import { median } from './statistics.ts';

const MIB = 1024 ** 2;

/** `image pull` of a large image from a registry of this machine against skopeo, umoci and mkfs.ext4, as root. */
export const imagePull: Benchmark = {
  name: 'image-pull',
  rounds: 5,
  run: async ({ say }, rounds) => {
    const directory = mkdtempSync(join(tmpdir(), 'banger-bench-pull-'));
    const home = join(directory, 'home');
    const registry = await DebianRegistry.start({ directory });
    try {
      const { first, second } = writeLargeImage(join(directory, 'layout'));
      const skopeo = ['skopeo', '--insecure-policy', 'copy'];
      const place = `${registry.host}/bench/large`;
      for (const [image, tag] of [
        [first, 'first'],
        [second, 'second'],
      ] as const)
        await program([...skopeo, '--dest-tls-verify=false', image, `docker://${place}:${tag}`]);
      mkdirSync(join(home, 'config'), { recursive: true, mode: 0o700 });
      writeFileSync(
        join(home, 'config/config.toml'),
        `[registries."${registry.host}"]\nplain_http = true\n`,
        {
          mode: 0o600,
        },
      );
      const peaks: number[] = [];
      const sharing: number[] = [];
      const written: number[] = [];
      const values = await takeTurns(
        rounds,
        {
          ours: async () => {
            const ms = await timed(() =>
              banger(['image', 'pull', '--name', 'first', `${place}:first`], home),
            );
            peaks.push(peakBytes(await daemonPid(home)) / MIB);
            written.push(writtenShare(home, 'first'));
            sharing.push(
              await timed(() => banger(['image', 'pull', '--name', 'second', `${place}:second`], home)),
            );
            await banger(['image', 'delete', 'first', 'second'], home);
            await banger(['image', 'cache', 'prune'], home);
            // A daemon of its own for the next round, whose peak is that of one pull.
            await banger(['daemon', 'stop'], home);
            await banger(['ps'], home);
            return ms;
          },
          bare: () => bareConversion(`docker://${place}:first`, [...skopeo, '--src-tls-verify=false']),
        },
        say,
      );
      return {
        name: 'image-pull',
        what: '`image pull` of 1 GB, 50,000 files, 8 layers from a local registry : skopeo copy, umoci unpack, mkfs.ext4 -d, as root',
        n: rounds,
        figures: {
          ratio: ratio(values.ours, values.bare),
          ...summary({ ...values, sharing }),
          peakMiB: Math.max(...peaks),
          writtenToContent: median(written),
        },
        values: { ...values, sharing },
      };
    } finally {
      await banger(['daemon', 'stop'], home).catch((error: unknown) => say(String(error)));
      await registry.end();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

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

async function bareConversion(from: string, skopeo: readonly string[]): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'banger-bare-pull-'));
  const [layout, bundle] = [join(directory, 'layout'), join(directory, 'bundle')];
  try {
    return await timed(async () => {
      await program([...skopeo, from, `oci:${layout}:image`]);
      await program(['umoci', 'unpack', '--image', `${layout}:image`, bundle]);
      await program(['mkfs.ext4', '-q', '-d', join(bundle, 'rootfs'), join(directory, 'root.ext4'), '8G']);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
