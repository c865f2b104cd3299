import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VmRow } from '../domain/vm-row.ts';
import { bundleFile } from '../drivers/image/bundle/bundle.suite.ts';
import { createFakeImages } from '../drivers/image/fake/fake-image-host.ts';
import { writeLayout } from '../drivers/image/oci/layout.suite.ts';
import { archive } from '../drivers/image/oci/tar/archive.suite.ts';
import { writeRootFs } from '../drivers/image/register/root-fs.suite.ts';
import { ImageService } from './image.ts';
import { ownOperation, runOperation } from './operation.ts';

const never = new AbortController().signal;
let root: string;
let images: ImageService;
let vms: { image: string; name: string }[];
let host: ReturnType<typeof createFakeImages>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-images-'));
  host = createFakeImages(join(root, 'images'), undefined, [join(root, 'catalog.json')]);
  catalog([]);
  vms = [];
  images = new ImageService({
    ...host,
    kernels: {
      forImage: (name, choice, otherwise, _signal, work) =>
        work(choice === undefined ? otherwise : 'ref' in choice ? choice.ref : name),
      isOf: async () => false,
    },
    vms: { list: () => vms.map((spec) => ({ spec }) as VmRow) },
    log: pino({ level: 'silent' }),
  });
});
afterEach(() => rmSync(root, { recursive: true }));

/** The user has these in a catalog. */
function catalog(images: readonly { readonly name: string; readonly sources: readonly object[] }[]): void {
  const entries = images.map((image) => ({ distribution: 'small', arch: 'x86_64', ...image }));
  writeFileSync(join(root, 'catalog.json'), JSON.stringify({ catalog: 1, images: entries }));
}

/** An image of this machine, which says where it lies. */
function layout(name = 'layout'): string {
  const directory = join(root, name);
  writeLayout(directory, [archive([{ name: 'etc/motd', content: directory }])], {
    config: { Cmd: ['/run'] },
  });
  return `oci:${directory}`;
}

test('an image is found by its name and by what it was pulled as', async () => {
  const text = layout();
  expect(await images.look(text)).toMatchObject({
    name: text,
    storedAs: 'layout',
    present: false,
    source: 'oci',
    kernel: 'debian-cloud',
  });
  const pulled = await images.pull({ image: text, name: 'mine', kernel: { ref: 'own' } }, never);
  expect(pulled).toMatchObject({ name: 'mine', reference: text, kernel: 'own', config: { cmd: ['/run'] } });
  for (const image of ['mine', text]) {
    expect(await images.look(image)).toMatchObject({ name: 'mine', present: true, kernel: 'own' });
    expect(await images.show(image)).toEqual(pulled);
    expect((await images.ensure(image, never)).manifest.name).toBe('mine');
    expect(await images.pull({ image }, never)).toEqual(pulled);
  }
  await images.delete(text, never);
  expect(await images.list(false)).toEqual([]);
});

test('without a name it gets one of its own, also when that is taken', async () => {
  const first = await images.pull({ image: layout('a/app') }, never);
  const second = await images.pull({ image: layout('b/app') }, never);
  const catalog = await images.pull({ image: layout('c/debian-bookworm') }, never);
  expect(first.name).toBe('app');
  expect(second.name).toMatch(/^app-[0-9a-f]{8}$/);
  expect(catalog.name).toMatch(/^debian-bookworm-[0-9a-f]{8}$/);
  expect((await images.list(false)).map(({ name }) => name)).toEqual(
    [first, second, catalog].map(({ name }) => name).toSorted(),
  );
});

test('the same image may be here under two names', async () => {
  const text = layout();
  await images.pull({ image: text, name: 'one' }, never);
  await images.pull({ image: text, name: 'two' }, never);
  expect((await images.list(false)).map(({ name, reference }) => [name, reference])).toEqual([
    ['one', text],
    ['two', text],
  ]);
});

test('a pull ends with one line that tells what is here now', async () => {
  const told: string[] = [];
  const operation = {
    ...ownOperation('image.pull'),
    progress: ({ level, stage }: { readonly level: string; readonly stage: string }) =>
      level === 'notice' && told.push(stage),
  };
  await runOperation(operation, () => images.pull({ image: layout() }, never));
  expect(told).toEqual([expect.stringMatching(/^Image layout: 1 layer, 1 MiB packed, \d+ MiB on the disk$/)]);
});

test('wishes for an image that is here are refused where it is not as they say, and the error says how it is', async () => {
  const text = layout();
  const pulled = await images.pull({ image: text, name: 'mine', kernel: { ref: 'own' } }, never);
  const GIB = 1024 ** 3;
  for (const wish of [
    { rootBytes: 9 * GIB },
    { kernel: { ref: 'other' } },
    { kernel: { from: '/boot/vmlinuz' } },
    { name: 'mine', rootBytes: 9 * GIB },
  ])
    for (const image of ['mine', text])
      await expect(images.pull({ image, ...wish }, never)).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/mine is here already, with .* 8192 MiB and the kernel own/) as string,
        hint: expect.stringContaining('banger image delete mine') as string,
      });
  expect(await images.pull({ image: text, rootBytes: 8 * GIB, kernel: { ref: 'own' } }, never)).toEqual(
    pulled,
  );
  // So is one that somebody else fetches at that moment in another way.
  const [first, second] = await Promise.allSettled([
    images.pull({ image: text, name: 'two' }, never),
    images.pull({ image: text, name: 'two', rootBytes: 9 * GIB }, never),
  ]);
  expect(first).toMatchObject({ status: 'fulfilled' });
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'invalid_argument' } });
});

test('the catalog comes before registries, and takes no wishes', async () => {
  expect((await images.pull({ image: 'debian-bookworm' }, never)).source).toBe('recipe');
  for (const wish of [{ rootBytes: 9 * 1024 ** 3 }, { kernel: { ref: 'own' } }])
    await expect(images.pull({ image: 'debian-bookworm', ...wish }, never)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('is of the catalog') as string,
    });
  await images.delete('debian-bookworm', never);
  await expect(images.pull({ image: 'debian-bookworm', name: 'mine' }, never)).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

test.each(['No-Such', '-x', 'a b', 'oci:relative'])('there is no image %j', async (image) => {
  for (const call of [
    () => images.look(image),
    () => images.show(image),
    () => images.pull({ image }, never),
    () => images.delete(image, never),
  ])
    await expect(call()).rejects.toMatchObject({
      code: 'image_not_found',
      message: expect.stringContaining(image) as string,
    });
});

test('what is not here is neither shown nor deleted', async () => {
  for (const call of [
    () => images.show('alpine'),
    () => images.delete('alpine', never),
    () => images.delete('debian-bookworm', never),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'image_not_found' });
});

test('a VM that waits for an image by what it is pulled as keeps it from being deleted', async () => {
  const text = layout();
  await images.pull({ image: text }, never);
  for (const image of [text, 'layout']) {
    vms = [{ image, name: 'box' }];
    expect(await images.show('layout')).toMatchObject({ usedBy: ['box'] });
    await expect(images.delete('layout', never)).rejects.toMatchObject({ code: 'image_in_use' });
  }
});

test('an image goes into a bundle and comes out of it, with the kernel that it has', async () => {
  await images.pull({ image: layout(), name: 'mine', kernel: { ref: 'own' } }, never);
  const { name, bytes } = await images.export('mine');
  expect(name).toBe('mine');
  const file = join(root, 'mine-0123456789ab.tar.zst');
  const pieces: Buffer[] = [];
  for await (const piece of bytes(never)) pieces.push(piece);
  writeFileSync(file, Buffer.concat(pieces));
  await images.delete('mine', never);
  const image = `bundle:${file}`;
  expect(await images.look(image)).toMatchObject({ storedAs: 'mine', present: false, kernel: 'own' });
  const pulled = await images.pull({ image }, never);
  expect(pulled).toMatchObject({ name: 'mine', source: 'bundle', reference: image, kernel: 'own' });
  expect(pulled.config?.cmd).toEqual(['/run']);
  expect(await images.show(image)).toEqual(pulled);
  const other = await images.pull({ image, name: 'other', kernel: { ref: 'another' } }, never);
  expect(other).toMatchObject({ name: 'other', kernel: 'another' });
  for (const none of ['alpine', 'debian-bookworm'])
    await expect(images.export(none)).rejects.toMatchObject({ code: 'image_not_found' });
});

test('a kernel of files has the name of the image', async () => {
  const pulled = await images.pull(
    { image: layout(), name: 'mine', kernel: { from: '/boot/vmlinuz' } },
    never,
  );
  expect(pulled).toMatchObject({ name: 'mine', kernel: 'mine' });
});

test('a file of the user is an image, until it is promoted with no VM over it', async () => {
  const rootfs = join(root, 'mine.ext4');
  await writeRootFs(rootfs);
  const registered = await images.register({ name: 'mine', rootfs, kernel: { ref: 'own' } }, never);
  expect(registered).toMatchObject({
    ...{ name: 'mine', source: 'file', reference: rootfs, managed: false, kernel: 'own', usedBy: [] },
  });
  expect(await images.register({ name: 'mine', rootfs }, never)).toEqual(registered);
  await images.checkBase('mine');
  vms = [{ image: 'mine', name: 'box' }];
  await expect(images.promote('mine', never)).rejects.toMatchObject({ code: 'image_in_use' });
  vms = [];
  expect(await images.promote('mine', never)).toMatchObject({ managed: true, reference: rootfs });
  await images.delete('mine', never);
  expect(existsSync(rootfs)).toBe(true);
});

test('what is here is pulled under another name from where it came, and never by its name here', async () => {
  const text = layout();
  await images.pull({ image: text, name: 'one' }, never);
  expect(await images.pull({ image: 'one', name: 'two' }, never)).toMatchObject({ reference: text });
  await images.pull({ image: 'debian-bookworm' }, never);
  await expect(images.pull({ image: 'debian-bookworm', name: 'mine' }, never)).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

test('what is in our care already is not promoted, and what is not here neither', async () => {
  await images.pull({ image: layout(), name: 'pulled' }, never);
  await expect(images.promote('pulled', never)).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(images.promote('debian-bookworm', never)).rejects.toMatchObject({ code: 'image_not_found' });
});

describe('an image of a catalog of the user', () => {
  const fetched = (sha256: string): object => ({ type: 'bundle', url: `file://${join(root, 'b')}`, sha256 });
  const hash = createHash('sha256').update(bundleFile()).digest('hex');
  beforeEach(() => writeFileSync(join(root, 'b'), bundleFile()));

  test('is listed with what it can be had from, and whether it is here', async () => {
    catalog([{ name: 'team', sources: [fetched(hash), { type: 'oci', reference: 'team/app:1' }] }]);
    const sources = [`bundle:file://${join(root, 'b')}@sha256:${hash}`, 'team/app:1'];
    const team = async () => (await images.list(true)).find(({ name }) => name === 'team');
    expect(await team()).toMatchObject({ present: false, source: 'bundle', sources, distribution: 'small' });
    expect(await images.look('team')).toMatchObject({ present: false, storedAs: 'team', source: 'bundle' });
    expect(await images.pull({ image: 'team' }, never)).toMatchObject({ name: 'team', source: 'bundle' });
    expect(await team()).toMatchObject({ present: true, sources: sources.slice(0, 1) });
    await expect(images.pull({ image: 'team', name: 'other' }, never)).resolves.toMatchObject({
      name: 'other',
    });
  });

  test('comes from the first of its sources that works', async () => {
    const recipe = { type: 'recipe', suite: 'bookworm', variant: 'apt', packages: {}, files: [], links: [] };
    catalog([
      { name: 'team', sources: [fetched('a'.repeat(64)), { type: 'oci', reference: 'No/such' }, recipe] },
    ]);
    const told: string[] = [];
    const progress = ({ stage, level }: { readonly stage: string; readonly level?: string }): void => {
      if (level === 'warning') told.push(stage);
    };
    await runOperation({ ...ownOperation('image.pull'), progress }, async () => {
      expect(await images.ensure('team', never)).toMatchObject({ manifest: { source: 'recipe' } });
    });
    expect(told).toHaveLength(2);
    expect(told[1]).toMatch(/Trying recipe\.$/);
  });

  test('tells the last failure when none works, and leaves nothing', async () => {
    catalog([{ name: 'team', sources: [fetched('a'.repeat(64)), fetched('b'.repeat(64))] }]);
    await expect(images.pull({ image: 'team' }, never)).rejects.toMatchObject({ code: 'download_failed' });
    expect(await images.list(false)).toEqual([]);
  });

  test('that may be in one that cannot be read is not looked for in a registry', async () => {
    writeFileSync(join(root, 'catalog.json'), '{');
    for (const call of [
      () => images.look('alpine'),
      () => images.pull({ image: 'alpine' }, never),
      () => images.show('alpine'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'config_invalid' });
    expect((await images.list(true)).map(({ name }) => name)).toContain('debian-bookworm');
    expect(await images.look('debian-bookworm')).toMatchObject({ source: 'recipe' });
  });
});
