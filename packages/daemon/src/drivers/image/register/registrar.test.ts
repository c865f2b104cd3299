import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext, StageProgress } from '../../../domain/stage-progress.ts';
import type { StoredImage } from '../driver.ts';
import { listing } from '../ext4/read/listing.suite.ts';
import { ImageDirectory } from '../store.ts';
import { FileImageRegistrar } from './registrar.ts';
import { ROOT_FS_BYTES, writeRootFs } from './root-fs.suite.ts';

const MIB = 1024 ** 2;
const nothing = (): void => undefined;

let root: string;
let file: string;
let store: ImageDirectory;
let registrar: FileImageRegistrar;
let changes: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'banger-register-'));
  file = join(root, 'mine.ext4');
  await writeRootFs(file);
  changes = [];
  store = new ImageDirectory(join(root, 'images'), undefined, (change, name) =>
    changes.push(`${change} ${name}`),
  );
  registrar = new FileImageRegistrar({ store, now: () => 0 });
});
afterEach(() => rmSync(root, { recursive: true }));

const context = (signal = new AbortController().signal): StageContext => ({ signal, onProgress: nothing });
const register = (rootfs = file, name = 'mine', told = context()): Promise<StoredImage> =>
  registrar.register({ name, rootfs, kernel: 'some-kernel' }, told);
const stored = (): readonly string[] => (existsSync(store.staged.root) ? readdirSync(store.staged.root) : []);

test('a file is registered as it is and where it is, and its home is what work disks begin with', async () => {
  const before = readFileSync(file);
  const image = await register();
  expect(image.manifest).toMatchObject({
    ...{ name: 'mine', source: 'file', reference: file, promoted: false, shell: true, init: 'agent' },
    ...{ distribution: 'mine', kernel: 'some-kernel', rootBytes: ROOT_FS_BYTES },
  });
  expect(image.rootDisk).toBe(file);
  expect(readdirSync(join(root, 'images/mine'))).toEqual(['manifest.json', 'work.ext4']);
  expect(await listing(image.workTemplate)).toMatchObject({ '/.profile': { size: 5 } });
  expect(image.diskUsedBytes).toBeLessThan(ROOT_FS_BYTES);
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(await register()).toEqual(image);
  expect(changes).toEqual(['added mine']);
});

test('one that is meant to be booted gets its init as process 1', async () => {
  await writeRootFs(join(root, 'booted'), { init: true });
  expect((await register(join(root, 'booted'))).manifest.init).toBe('/sbin/init');
});

test('a link is followed once, for good', async () => {
  symlinkSync(file, join(root, 'link'));
  const image = await register(join(root, 'link'));
  expect(image.rootDisk).toBe(file);
  unlinkSync(join(root, 'link'));
  expect(await store.get('mine')).toEqual(image);
});

test.each<[string, () => string, string]>([
  ['that is not there', () => join(root, 'no'), 'invalid_argument'],
  ['by a path from somewhere', () => 'mine.ext4', 'invalid_argument'],
  ['that is a directory', () => root, 'image_invalid'],
  ['that is something else', () => (writeFileSync(file, 'x'.repeat(5000)), file), 'image_invalid'],
  ['that is cut short', () => (truncateSync(file, MIB), file), 'image_invalid'],
  ['that is larger than any root disk', () => (truncateSync(file, 2 * 1024 ** 4), file), 'invalid_argument'],
])('a file %s is refused, and nothing is left', async (_what, path, code) => {
  await expect(register(path())).rejects.toMatchObject({ code });
  expect(stored()).toEqual([]);
});

test('a name that another image has is refused', async () => {
  await register();
  await writeRootFs(join(root, 'other'));
  await expect(register(join(root, 'other'))).rejects.toMatchObject({ code: 'name_taken' });
  await expect(register(file, '../x')).rejects.toMatchObject({ code: 'name_invalid' });
});

describe('a file that', () => {
  const gone = (): void => renameSync(file, `${file}.elsewhere`);
  test.each<[string, () => void, RegExp]>([
    ['is gone', gone, /cannot be found \(ENOENT\)/],
    ['has become shorter', () => truncateSync(file, MIB), /shorter/],
    ['has become longer', () => appendFileSync(file, 'x'), /has been changed/],
    ['was written to', () => utimesSync(file, 1, 1), /has been changed/],
  ])('%s is found out before it is used, and its image can be deleted', async (_what, change, said) => {
    await register();
    change();
    const expected = { code: 'image_invalid', message: expect.stringMatching(said) as string };
    await expect(store.get('mine')).rejects.toMatchObject(expected);
    await expect(store.checkBase('mine')).rejects.toMatchObject(expected);
    await expect(registrar.promote('mine', nothing, context())).rejects.toMatchObject(expected);
    expect((await store.list()).damaged).toMatchObject([{ name: 'mine' }]);
    await store.remove('mine');
    expect(stored()).toEqual([]);
  });

  test('was put back as it was is used again', async () => {
    const { rootDisk } = await register();
    gone();
    renameSync(`${file}.elsewhere`, file);
    expect((await store.get('mine'))?.rootDisk).toBe(rootDisk);
    await store.checkBase('mine');
    await store.checkBase('oci:/no/name');
    await store.checkBase('nothing');
  });
});

test('a removal takes what is ours, and never the file', async () => {
  await register();
  await store.remove('mine');
  expect(stored()).toEqual([]);
  expect(statSync(file).size).toBe(ROOT_FS_BYTES);
});

test('a promotion copies it once, for two who ask at the same time, and from then on the file is of no use', async () => {
  const { workTemplate } = await register();
  const work = readFileSync(workTemplate);
  const [one, other] = await Promise.all([
    registrar.promote('mine', nothing, context()),
    registrar.promote('mine', nothing, context()),
  ]);
  expect(one).toEqual(other);
  expect(changes).toEqual(['added mine', 'replaced mine']);
  expect(one.manifest).toMatchObject({ source: 'file', promoted: true, reference: file });
  expect(one.rootDisk).toBe(join(root, 'images/mine/root.ext4'));
  expect(readFileSync(one.rootDisk).equals(readFileSync(file))).toBe(true);
  expect(readFileSync(one.workTemplate).equals(work)).toBe(true);
  for (const disk of [one.rootDisk, one.workTemplate]) expect(statSync(disk).mode & 0o777).toBe(0o400);
  expect(statSync(one.rootDisk).blocks * 512).toBeLessThan(ROOT_FS_BYTES);
  unlinkSync(file);
  expect(await store.get('mine')).toEqual(one);
  await store.checkBase('mine');
  expect(await registrar.promote('mine', nothing, context())).toEqual(one);
});

test('a promotion that is refused, cancelled or overtaken by a change leaves all as it was', async () => {
  const image = await register();
  const refuse = (): never => {
    throw new Error('a VM has it');
  };
  await expect(registrar.promote('mine', refuse, context())).rejects.toThrow('a VM has it');
  const stop = new AbortController();
  const cancel = { signal: stop.signal, onProgress: () => stop.abort() };
  await expect(registrar.promote('mine', nothing, cancel)).rejects.toMatchObject({ code: 'cancelled' });
  expect(await store.get('mine')).toEqual(image);
  const onProgress = ({ stage }: StageProgress): void => {
    if (stage === 'Copying the root file system') utimesSync(file, 1, 1);
  };
  await expect(registrar.promote('mine', nothing, { ...context(), onProgress })).rejects.toMatchObject({
    code: 'image_invalid',
  });
  expect(stored()).toEqual(['mine']);
  await expect(registrar.promote('other', nothing, context())).rejects.toMatchObject({
    code: 'image_not_found',
  });
});
