import { createHash } from 'node:crypto';
import { chmod, mkdtemp, open, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BangerError } from '@banger/contract/error';
import { createRunner } from '../../../host/execa-runner.ts';
import type { Runner } from '../../../host/runner.ts';
import type { Disk, DiskDriver } from '../driver.ts';
import { createQcow2Disks } from './disks.ts';
import { ext4Bytes } from './ext4-superblock.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const SMALL = 96 * MIB;
const PIECE_BYTES = MIB;
const runner = createRunner();

let dir: string;
let base: string;
let disks: DiskDriver;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disk-'));
  base = join(dir, 'base, with comma.ext4');
  await makeExt4(base, 64 * MIB);
  await chmod(base, 0o400);
  disks = createQcow2Disks(runner);
});
afterEach(() => rm(dir, { recursive: true }));

const at = (name: string): string => join(dir, name);
const root = (name: string): Disk => ({ kind: 'root', path: at(name) });
const work = (name: string): Disk => ({ kind: 'work', path: at(name) });
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
const left = async (): Promise<string[]> => (await readdir(dir)).filter((name) => name.endsWith('.tmp'));

async function makeExt4(path: string, bytes: number): Promise<void> {
  await writeFile(path, '');
  await truncate(path, bytes);
  await runner.run(['mke2fs', '-q', '-F', '-t', 'ext4', path]);
}

async function info(path: string): Promise<Record<string, unknown>> {
  return JSON.parse((await runner.run(['qemu-img', 'info', '--output=json', path])).stdout) as Record<
    string,
    unknown
  >;
}

/** Of the length, and of each piece that is not all zeros with its place: a disk is mostly zeros, and these take long to hash. */
async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(PIECE_BYTES);
  const buffer = Buffer.alloc(PIECE_BYTES);
  await using file = await open(path);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, at);
    if (bytesRead === 0) return hash.update(`${at} bytes`).digest('hex');
    const piece = buffer.subarray(0, bytesRead);
    if (!piece.equals(zeros.subarray(0, bytesRead))) hash.update(`${at}:`).update(piece);
    at += bytesRead;
  }
}

/** A runner that does something else for one program. */
function instead(program: string, act: () => Promise<never>): Runner {
  return { ...runner, run: (argv, options) => (argv[0] === program ? act() : runner.run(argv, options)) };
}

describe('root disk', () => {
  it('is a private overlay of the wanted size that leaves the base as it is', async () => {
    const before = await sha256(base);
    await disks.createRoot({ path: at('root.qcow2'), base, bytes: 8 * GIB });
    expect(await info(at('root.qcow2'))).toMatchObject({
      format: 'qcow2',
      'virtual-size': 8 * GIB,
      'backing-filename': base,
      'backing-filename-format': 'raw',
    });
    expect(await modeOf(at('root.qcow2'))).toBe(0o600);
    expect(await disks.usedBytes(at('root.qcow2'))).toBeLessThan(MIB);
    await disks.check(root('root.qcow2'));
    await runner.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 7 1M 1M', at('root.qcow2')]);
    await disks.check(root('root.qcow2'));
    expect(await sha256(base)).toBe(before);
  });

  it('is a copy without a base when it is to be smaller than that', async () => {
    await chmod(base, 0o600);
    await writeFile(at('file'), 'hello\n');
    await runner.run(['debugfs', '-w', '-R', `write ${at('file')} file`, base]);
    const before = await sha256(base);
    const path = at('root.qcow2');
    await disks.createRoot({ path, base, bytes: 48 * MIB });
    expect(await info(path)).toMatchObject({ format: 'qcow2', 'virtual-size': 48 * MIB });
    expect(await info(path)).not.toHaveProperty('backing-filename');
    await disks.check(root('root.qcow2'));
    expect(await modeOf(path)).toBe(0o600);
    await runner.run(['qemu-img', 'convert', '-O', 'raw', path, at('raw')]);
    await runner.run(['e2fsck', '-f', '-n', at('raw')]);
    expect((await runner.run(['debugfs', '-R', 'cat file', at('raw')])).stdout).toBe('hello\n');
    expect(await sha256(base)).toBe(before);
    expect(await left()).toEqual([]);
  });

  it('is not made smaller than what is in its base, nor without one', async () => {
    const path = at('root.qcow2');
    await expect(disks.createRoot({ path, base, bytes: MIB })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('resize2fs') as string,
    });
    await expect(disks.createRoot({ path, base: at('none'), bytes: GIB })).rejects.toMatchObject({
      code: 'image_invalid',
    });
    expect(await readdir(dir)).toEqual([base.slice(dir.length + 1)]);
  });

  it('is refused when its base is missing, has grown, or the disk is damaged', async () => {
    const path = at('root.qcow2');
    await disks.createRoot({ path, base, bytes: 64 * MIB });
    await runner.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 1M', path]);
    await chmod(base, 0o600);
    await truncate(base, 128 * MIB);
    await expect(disks.check(root('root.qcow2'))).rejects.toMatchObject({ code: 'file_damaged' });
    await truncate(base, 64 * MIB);
    await disks.check(root('root.qcow2'));

    // The entry of the first cluster's table points outside of the file now.
    const file = await open(path, 'r+');
    const tables = (await file.read(Buffer.alloc(8), 0, 8, 40)).buffer.readBigUInt64BE();
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64BE((1n << 63n) | 0x10_0000_0000n);
    await file.write(entry, 0, 8, Number(tables));
    await file.close();
    await expect(disks.check(root('root.qcow2'))).rejects.toMatchObject({ code: 'file_damaged' });
    await truncate(path, 100);
    await expect(disks.check(root('root.qcow2'))).rejects.toMatchObject({ code: 'file_damaged' });
    // Where the name of its base begins, and how long it is.
    for (const offset of [8, 16]) {
      await disks.createRoot({ path, base, bytes: 64 * MIB });
      const lying = await open(path, 'r+');
      await lying.write(Buffer.from([0xff]), 0, 1, offset);
      await lying.close();
      await expect(disks.check(root('root.qcow2')), `${offset}`).rejects.toMatchObject({
        code: 'file_damaged',
      });
    }

    await disks.createRoot({ path, base, bytes: 64 * MIB });
    await disks.check(root('root.qcow2'));
    await rm(base);
    const missing = disks.check(root('root.qcow2'));
    await expect(missing).rejects.toMatchObject({ code: 'image_invalid' });
    await expect(missing).rejects.toThrow(base);
  });

  it('is refused when QEMU has marked it, and looked at by one program', async () => {
    const path = at('root.qcow2');
    const programs: string[][] = [];
    const watching: Runner = {
      ...runner,
      run: (argv, options) => {
        programs.push([...argv]);
        return runner.run(argv, options);
      },
    };
    await disks.createRoot({ path, base, bytes: GIB });
    await createQcow2Disks(watching).check(root('root.qcow2'));
    expect(programs).toEqual([['qemu-img', 'check', '-q', '-f', 'qcow2', path]]);

    // The last byte of the incompatible features.
    const file = await open(path, 'r+');
    await file.write(Buffer.from([2]), 0, 1, 79);
    await file.close();
    expect(await info(path)).toMatchObject({ 'format-specific': { data: { corrupt: true } } });
    await expect(disks.check(root('root.qcow2'))).rejects.toThrow('QEMU has marked it as inconsistent');
  });

  it('of an older QEMU, with a base that is told by its name only, is as good', async () => {
    const path = at('root.qcow2');
    const name = base.slice(dir.length + 1);
    await runner.run([
      ...(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', '-F', 'raw'] as const),
      ...['-b', name, path, String(GIB)],
    ]);
    await disks.check(root('root.qcow2'));
    expect(await disks.size(root('root.qcow2'))).toBe(GIB);
    await rm(base);
    await expect(disks.check(root('root.qcow2'))).rejects.toThrow(base);
  });

  it('grows and does not shrink', async () => {
    const path = at('root.qcow2');
    await disks.createRoot({ path, base, bytes: GIB });
    await disks.grow(root('root.qcow2'), 2 * GIB);
    expect(await info(path)).toMatchObject({ 'virtual-size': 2 * GIB });
    expect(await disks.size(root('root.qcow2'))).toBe(2 * GIB);
    await disks.grow(root('root.qcow2'), 2 * GIB);
    await expect(disks.grow(root('root.qcow2'), GIB)).rejects.toMatchObject({ code: 'invalid_argument' });
    await disks.check(root('root.qcow2'));
  });

  it('is cloned with what was written', async () => {
    const path = at('root.qcow2');
    await disks.createRoot({ path, base, bytes: GIB });
    await runner.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 7 1M 1M', path]);
    await disks.clone(root('root.qcow2'), at('clone.qcow2'));
    const { stdout } = await runner.run([
      'qemu-io',
      '-f',
      'qcow2',
      '-c',
      'read -P 7 1M 1M',
      at('clone.qcow2'),
    ]);
    expect(stdout).not.toContain('verification failed');
    expect(await modeOf(at('clone.qcow2'))).toBe(0o600);
  });
});

describe('work disk', () => {
  it('begins as its template, sparse and private, however the template is protected', async () => {
    await disks.createWork({ path: at('work.ext4'), template: base, bytes: 8 * GIB });
    expect((await stat(at('work.ext4'))).size).toBe(8 * GIB);
    expect(await modeOf(at('work.ext4'))).toBe(0o600);
    expect(await disks.usedBytes(at('work.ext4'))).toBeLessThanOrEqual(await disks.usedBytes(base));
    await disks.check(work('work.ext4'));
    await runner.run(['e2fsck', '-f', '-n', at('work.ext4')]);
    const file = await open(at('work.ext4'));
    expect(await ext4Bytes(file)).toBe(8 * GIB);
    await file.close();
  });

  it('is an empty file system of root without a template', async () => {
    const path = at('work.ext4');
    await disks.createWork({ path, bytes: GIB });
    await disks.check(work('work.ext4'));
    expect(await disks.usedBytes(path)).toBeLessThan(8 * MIB);
    const { stdout } = await runner.run(['debugfs', '-R', 'stat /', path]);
    expect(stdout).toMatch(/Type: directory\s+Mode:\s+0755/);
    expect(stdout).toMatch(/User:\s+0\s+Group:\s+0/);
    await runner.run(['e2fsck', '-f', '-n', path]);
  });

  it('is refused when it is missing, cut short, no file system, or no file', async () => {
    const path = at('work.ext4');
    await disks.createWork({ path, bytes: 64 * MIB });
    await truncate(path, 63 * MIB);
    await expect(disks.check(work('work.ext4'))).rejects.toMatchObject({ code: 'file_damaged' });
    await truncate(path, 0);
    await expect(disks.check(work('work.ext4'))).rejects.toMatchObject({ code: 'file_damaged' });
    await symlink(base, at('link'));
    for (const other of ['link', 'none', '.']) {
      await expect(disks.size(work(other)), other).rejects.toMatchObject({ code: 'file_damaged' });
      await expect(disks.check(work(other)), other).rejects.toMatchObject({ code: 'file_damaged' });
    }
    await runner.run(['mkfifo', at('fifo')]);
    await expect(disks.check(work('fifo'))).rejects.toMatchObject({ code: 'file_damaged' });
  });

  it('grows and does not shrink, its content kept', async () => {
    const path = at('work.ext4');
    await disks.createWork({ path, template: base, bytes: 64 * MIB });
    await disks.grow(work('work.ext4'), GIB);
    expect((await stat(path)).size).toBe(GIB);
    expect(await disks.size(work('work.ext4'))).toBe(GIB);
    await expect(disks.grow(work('work.ext4'), GIB - 1)).rejects.toMatchObject({ code: 'invalid_argument' });
    await disks.check(work('work.ext4'));
  });
});

describe('the second disk of a kind', () => {
  const programs: string[] = [];
  beforeEach(() => {
    programs.length = 0;
    const counting: Runner = {
      ...runner,
      run: (argv, options) => {
        programs.push(argv[0]);
        return runner.run(argv, options);
      },
    };
    disks = createQcow2Disks(counting);
  });

  it('is written without a program, as sparse as the first one and equal to it', async () => {
    for (const name of ['one', 'two']) {
      await disks.createRoot({ path: at(`${name}.qcow2`), base, bytes: SMALL });
      await disks.createWork({ path: at(`${name}.ext4`), template: base, bytes: SMALL });
    }
    expect(programs).toEqual(['qemu-img', 'qemu-img', 'cp', 'resize2fs', 'qemu-img']);
    for (const kind of ['qcow2', 'ext4']) {
      expect(await sha256(at(`two.${kind}`))).toBe(await sha256(at(`one.${kind}`)));
      expect(await modeOf(at(`two.${kind}`))).toBe(0o600);
      expect(await disks.usedBytes(at(`two.${kind}`))).toBeLessThanOrEqual(
        await disks.usedBytes(at(`one.${kind}`)),
      );
    }
    await disks.check(root('two.qcow2'));
    await runner.run(['e2fsck', '-f', '-n', at('two.ext4')]);
  });

  it('is of another kind with another size, and when its image has changed', async () => {
    await disks.createWork({ path: at('one.ext4'), template: base, bytes: SMALL });
    await disks.createWork({ path: at('larger.ext4'), template: base, bytes: SMALL + MIB });
    expect((await stat(at('larger.ext4'))).size).toBe(SMALL + MIB);
    await rm(base);
    await makeExt4(base, 64 * MIB);
    await disks.createWork({ path: at('other.ext4'), template: base, bytes: SMALL });
    expect(await sha256(at('other.ext4'))).not.toBe(await sha256(at('one.ext4')));
  });

  it('is not remembered when there is much in it', async () => {
    await runner.run(['dd', 'if=/dev/urandom', `of=${at('file')}`, 'bs=1M', 'count=5', 'status=none']);
    await chmod(base, 0o600);
    await runner.run(['debugfs', '-w', '-R', `write ${at('file')} file`, base]);
    for (const name of ['one', 'two'])
      await disks.createWork({ path: at(`${name}.ext4`), template: base, bytes: SMALL });
    expect(programs.filter((program) => program === 'cp')).toHaveLength(2);
  });

  it('is not made for a call that was cancelled', async () => {
    const plan = { base, bytes: SMALL };
    await disks.createRoot({ ...plan, path: at('one.qcow2') });
    const cancelled = disks.createRoot({ ...plan, path: at('two.qcow2'), signal: AbortSignal.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(await left()).toEqual([]);
  });
});

describe('whatever fails', () => {
  it('leaves nothing, and the disk of before as it was', async () => {
    const path = at('work.ext4');
    await disks.createWork({ path, bytes: 64 * MIB });
    const before = await sha256(path);
    const full = new BangerError(
      'command_failed',
      "cp failed with exit code 1: cp: error writing 'x': No space left on device",
    );
    const failing = createQcow2Disks(instead('cp', () => Promise.reject(full)));
    const create = failing.createWork({ path, template: base, bytes: GIB });
    await expect(create).rejects.toMatchObject({ code: 'disk_full', details: { path } });
    const again = disks.createWork({ path, template: base, bytes: GIB, signal: AbortSignal.abort() });
    await expect(again).rejects.toMatchObject({ code: 'cancelled' });
    expect(await sha256(path)).toBe(before);
    expect(await left()).toEqual([]);
  });

  it('clears away what a killed maker left', async () => {
    await writeFile(at('.work.ext4.0123.tmp'), 'half');
    await writeFile(at('.other.ext4.0123.tmp'), 'half');
    await disks.createWork({ path: at('work.ext4'), bytes: 64 * MIB });
    expect(await left()).toEqual(['.other.ext4.0123.tmp']);
  });

  it('removes twice', async () => {
    await disks.createWork({ path: at('work.ext4'), bytes: 64 * MIB });
    await disks.remove(at('work.ext4'));
    await disks.remove(at('work.ext4'));
    expect(await disks.usedBytes(at('work.ext4'))).toBe(0);
  });

  it('refuses a size that the host cannot hold', async () => {
    await disks.createWork({ path: at('work.ext4'), bytes: 64 * MIB });
    await expect(disks.grow(work('work.ext4'), 2 ** 52)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
