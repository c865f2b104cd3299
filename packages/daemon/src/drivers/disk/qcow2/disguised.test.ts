import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRunner } from '../../../host/execa-runner.ts';
import type { Runner } from '../../../host/runner.ts';
import type { Disk, DiskDriver } from '../driver.ts';
import { createQcow2Disks } from './disks.ts';

const MIB = 1024 ** 2;
const BYTES = 64 * MIB;
/** Where ext4 keeps its superblock, which a guest leaves in its place: the disk is still one that is checked and started. */
const SUPERBLOCK = { from: 1024, to: 2048 };
/** All that a format says of itself stands before. */
const DISGUISE_BYTES = MIB;
/** Some thirty runs of a program. */
const MANY_PROGRAMS_MS = 60_000;
const SECRET = 'a file of the host\n';

const runner = createRunner();
const programs: string[][] = [];
const watched: Runner = {
  ...runner,
  run: (argv, options) => {
    programs.push([...argv]);
    return runner.run(argv, options);
  },
};

let dir: string;
let victim: string;
let disks: DiskDriver;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disk-'));
  victim = at('victim');
  await writeFile(victim, SECRET);
  programs.length = 0;
  disks = createQcow2Disks(watched);
});
afterEach(() => rm(dir, { recursive: true }));

const at = (name: string): string => join(dir, name);
const create = (format: string, ...options: string[]) =>
  runner.run(['qemu-img', 'create', '-q', '-f', format, ...options, at('disguise'), `${MIB}`]);

/** What leads QEMU to another file, how a format calls it, and how it is made. */
const leading: readonly (readonly [string, string, () => Promise<unknown>])[] = [
  ['qcow2 with a data file', 'qcow2', () => create('qcow2', '-o', `data_file=${victim},data_file_raw=on`)],
  ['qcow2 with a backing file', 'qcow2', () => create('qcow2', '-F', 'raw', '-b', victim)],
  ['qcow', 'qcow', () => create('qcow', '-F', 'raw', '-b', victim)],
  ['qed', 'qed', () => create('qed', '-F', 'raw', '-b', victim)],
  ['vmdk', 'vmdk', () => writeFile(at('disguise'), vmdkOf(victim))],
];

function vmdkOf(extent: string): string {
  const ids = 'version=1\nCID=fffffffe\nparentCID=ffffffff\n';
  return `# Disk DescriptorFile\n${ids}createType="monolithicFlat"\nRW 1 FLAT "${extent}" 0\n`;
}

/** What the other formats of QEMU are known by: `bdrv_probe` of each in its `block/`. */
const magics: Readonly<Record<string, Buffer>> = {
  vmdk: Buffer.from('KDMV\x01\0\0\0', 'latin1'),
  vdi: Buffer.from(`${'<<< QEMU VM Virtual Disk Image >>>\n'.padEnd(0x40, '\0')}\x7f\x10\xda\xbe`, 'latin1'),
  vhdx: Buffer.from('vhdxfile'),
  vpc: Buffer.from('conectix'),
  parallels: Buffer.from('WithouFreSpacExt'),
  luks: Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'),
  bochs: Buffer.from('Bochs Virtual HD Image\0Redolog\0'),
  cloop: Buffer.from(
    '#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n',
  ),
};

/** The first bytes of such a file. A program that makes one may have written to the file that it leads to. */
async function disguise(make: () => Promise<unknown>): Promise<Buffer> {
  await make();
  const bytes = (await readFile(at('disguise'))).subarray(0, DISGUISE_BYTES);
  await writeFile(victim, SECRET);
  return bytes;
}

/** Writes to the start of a work disk as its guest can, and leaves the superblock. */
async function writeWork(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  for (const [from, to] of [
    [0, SUPERBLOCK.from],
    [SUPERBLOCK.to, bytes.length],
  ] as const)
    if (from < bytes.length) await file.write(bytes.subarray(from, to), 0, undefined, from);
  await file.close();
}

/** Writes to the start of a root disk as its guest can: through QEMU. */
async function writeRoot(path: string, bytes: Buffer): Promise<void> {
  await writeFile(at('disguise'), bytes);
  await runner.run(['qemu-io', '-f', 'qcow2', '-c', `write -s ${at('disguise')} 0 ${bytes.length}`, path]);
}

async function makeRoot(): Promise<Disk> {
  await writeFile(at('base'), '');
  await truncate(at('base'), BYTES);
  const path = at('root.qcow2');
  await disks.createRoot({ path, base: at('base'), bytes: BYTES });
  programs.length = 0;
  return { kind: 'root', path };
}

async function makeWork(): Promise<Disk> {
  const path = at('work.ext4');
  await disks.createWork({ path, bytes: BYTES });
  programs.length = 0;
  return { kind: 'work', path };
}

/** Does all that is done with a disk that a guest has written. */
async function use(disk: Disk): Promise<void> {
  expect(await disks.size(disk)).toBe(BYTES);
  await disks.check(disk);
  await disks.grow(disk, 2 * BYTES);
  expect(await disks.size(disk)).toBe(2 * BYTES);
  await disks.check(disk);
  await disks.clone(disk, at('clone'));
}

describe.each(leading)('a guest that makes its disk look like %s', (_what, format, make) => {
  it('has no file of the host opened, when it is its work disk', async () => {
    const bytes = await disguise(make);
    const disk = await makeWork();
    await writeWork(disk.path, bytes);
    // It is what QEMU would believe if it were let.
    const { stdout } = await runner.run(['qemu-img', 'info', '--output=json', disk.path]);
    expect(JSON.parse(stdout)).toMatchObject({ format });

    await use(disk);
    expect(programs.map(([program]) => program)).toEqual(['cp']);
    expect((await stat(disk.path)).size).toBe(2 * BYTES);
    expect(await readFile(victim, 'utf8')).toBe(SECRET);
  });

  it('has it taken for the content that it is, when it is its root disk', async () => {
    const bytes = await disguise(make);
    const disk = await makeRoot();
    await writeRoot(disk.path, bytes);

    await use(disk);
    expectFormatGiven();
    const { stdout } = await runner.run(['qemu-img', 'info', '--output=json', '-f', 'qcow2', disk.path]);
    expect(JSON.parse(stdout)).toMatchObject({
      'virtual-size': 2 * BYTES,
      'backing-filename': at('base'),
      'backing-filename-format': 'raw',
    });
    expect(await readFile(victim, 'utf8')).toBe(SECRET);
  });
});

describe('a guest that makes its disk look like any other format', () => {
  it('has it taken for what it was made as, when it is its work disk', async () => {
    const disk = await makeWork();
    for (const [format, bytes] of Object.entries(magics)) {
      await writeWork(disk.path, bytes);
      expect(await disks.size(disk), format).toBe(BYTES);
      await disks.check(disk);
    }
    expect(programs).toEqual([]);
  });

  it(
    'has it taken for what it was made as, when it is its root disk',
    async () => {
      const disk = await makeRoot();
      for (const [format, bytes] of Object.entries(magics)) {
        await writeRoot(disk.path, bytes);
        expect(await disks.size(disk), format).toBe(BYTES);
        await disks.check(disk);
      }
      expectFormatGiven();
    },
    MANY_PROGRAMS_MS,
  );
});

/** QEMU looks at content only where it is told no format. */
function expectFormatGiven(): void {
  expect(programs.length).toBeGreaterThan(0);
  for (const argv of programs.filter(([program]) => program === 'qemu-img')) expect(argv).toContain('-f');
}
