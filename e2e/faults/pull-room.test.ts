import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { skopeo } from '@banger/daemon/drivers/image/oci/tools.suite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entries } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { busyboxLayout } from '../image/busybox-image.ts';
import { DebianRegistry } from '../image/debian-registry.ts';
import { FaultHome } from './fault-home.ts';

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** What a tmpfs counts in. */
const PAGE_BYTES = 4 * KIB;

/** Only root can mount a file system of its own. */
describe.runIf(process.getuid?.() === 0)('no room while an image is pulled', () => {
  let directory: string;
  let registry: DebianRegistry;
  let home: FaultHome;
  let image: string;
  let packed: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'banger-pull-room-'));
    const layout = busyboxLayout(join(directory, 'layout'));
    skopeo(directory, ['copy', layout, `oci-archive:${directory}/archive.tar:box`]);
    packed = join(directory, 'archive.tar.gz');
    writeFileSync(packed, gzipSync(readFileSync(join(directory, 'archive.tar'))));
    registry = await DebianRegistry.start({ directory });
    image = `${registry.host}/box:1`;
    skopeo(directory, ['copy', '--dest-tls-verify=false', layout, `docker://${image}`]);
    home = FaultHome.stocked([]);
    mkdirSync(home.at('config'), { mode: 0o700 });
    const configuration = `[registries."${registry.host}"]\nplain_http = true\n`;
    writeFileSync(home.at('config/config.toml'), configuration, { mode: 0o600 });
  });
  afterAll(async () => {
    await home?.remove();
    await registry?.end();
    rmSync(directory, { recursive: true });
  });

  const pull = (what: string, ...words: readonly string[]) =>
    home.run(['image', 'pull', '--json', '--name', 'box', ...words, what]);

  /** Expects that the pull finds no room and leaves nothing, and answers the stage in which that was. */
  async function refused(what: string, ...words: readonly string[]): Promise<string | undefined> {
    const { status, stderr } = await pull(what, ...words);
    expect(status, stderr).toBe(1);
    const told = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Told);
    expect(told.at(-1)).toMatchObject({ error: { code: 'disk_full' } });
    expect(await home.images()).toEqual([]);
    expect(home.leftovers()).toEqual([]);
    expect(entries(home.path, 'cache', 'blobs').filter((name) => name.startsWith('.'))).toEqual([]);
    return told.findLast(({ progress }) => progress?.level === 'stage')?.progress?.stage;
  }

  async function expectPulled(what: string): Promise<void> {
    const { status, stderr } = await pull(what);
    expect(status, stderr).toBe(0);
  }

  const remove = async (): Promise<void> => {
    expect(await home.run(['image', 'delete', 'box'])).toMatchObject({ status: 0 });
  };

  test('for its layers: what has come whole stays, and the next pull goes on', async () => {
    for (const bytes of [PAGE_BYTES, 64 * KIB, 512 * KIB]) {
      home.setRoom(bytes, 'cache');
      expect(await refused(image)).toBe('Fetching layers');
    }
    home.setRoom(64 * MIB, 'cache');
    await expectPulled(image);
    await remove();
  });

  test('for its disks, from their first page to the last of what tells of them', async () => {
    home.setRoom(GIB, 'state', 'images');
    await expectPulled(image);
    const { blocks, bfree, bsize } = await statfs(home.at('state', 'images'));
    const needed = (blocks - bfree) * bsize;
    await remove();
    expect(needed).toBeGreaterThan(MIB);
    for (const share of [0, 0.01, 0.25, 0.5, 0.75, 0.99]) {
      home.setRoom(Math.max(PAGE_BYTES, Math.floor(needed * share)), 'state', 'images');
      expect([share, await refused(image)]).toEqual([share, 'Writing the disk']);
    }
    home.setRoom(needed - PAGE_BYTES, 'state', 'images');
    expect(await refused(image)).toBe('Storing the image');
    home.setRoom(needed, 'state', 'images');
    await expectPulled(image);
    await remove();
  });

  test('for an archive that has to be unpacked first', async () => {
    home.setRoom(256 * KIB, 'state', 'images');
    // Unpacking is told of once its first piece is written.
    expect(['Reading the image', 'Unpacking the archive']).toContain(await refused(`oci-archive:${packed}`));
    home.setRoom(GIB, 'state', 'images');
    await expectPulled(`oci-archive:${packed}`);
    await remove();
  });

  test('for the kernel that comes with it: neither is there', async () => {
    home.setRoom(MIB, 'state', 'kernels');
    const kernel = join(sharedHome(), 'state/kernels/debian-cloud/vmlinux');
    await refused(image, '--kernel', kernel);
    expect(await home.kernels()).toEqual([]);
  });
});

/** A line of `--json` on standard error. */
interface Told {
  readonly progress?: { readonly level: string; readonly stage: string };
  readonly error?: { readonly code: string };
}
