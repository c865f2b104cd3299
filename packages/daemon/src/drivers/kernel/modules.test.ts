import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeRunner } from '../../host/fake-runner.ts';
import { makeElf, makeModule } from './fake/elf-fixture.ts';
import { buildInitramfs } from './initramfs.ts';
import { closeModules, type ModuleSource } from './module-closure.ts';
import { ModuleTree } from './module-tree.ts';
import { readModuleInfo, type ModuleInfo } from './modinfo.ts';

const wanted = (name: string, required = true): { name: string; required: boolean; why: string } => ({
  name,
  required,
  why: 'the test wants it',
});

function source(
  modules: Readonly<Record<string, Partial<ModuleInfo>>>,
  builtin: readonly string[] = [],
): ModuleSource {
  return {
    isBuiltin: (name) => builtin.includes(name),
    info: async (name) => {
      const info = modules[name];
      return info === undefined ? undefined : { name, depends: [], softBefore: [], aliases: [], ...info };
    },
    aliased: async (alias) => Object.keys(modules).filter((name) => modules[name]?.aliases?.includes(alias)),
  };
}

describe('what a module says', () => {
  test('names, dependencies and aliases', () => {
    const fields = [
      'alias=fs-ext4',
      'depends=mbcache,crc-16',
      'softdep=pre: crc32c post: x pre: y',
      'name=ext-4',
      'junk',
    ];
    expect(readModuleInfo(makeModule(fields))).toEqual({
      name: 'ext_4',
      depends: ['mbcache', 'crc_16'],
      softBefore: ['crc32c', 'y'],
      aliases: ['fs-ext4'],
    });
  });

  test('what is no module is refused', () => {
    expect(() => readModuleInfo(makeElf({}))).toThrow('.modinfo');
    expect(() => readModuleInfo(makeModule(['license=GPL']))).toThrow('name');
    expect(() => readModuleInfo(Buffer.from('not ELF'))).toThrow('ELF');
  });
});

describe('the order of loading', () => {
  test('dependencies and soft dependencies come first, what is built in not at all', async () => {
    const modules = {
      ext4: { depends: ['jbd2', 'mbcache'], softBefore: ['crc32c'] },
      jbd2: { depends: ['crc16'] },
      crc32c_intel: { aliases: ['crc32c'] },
    };
    const found = await closeModules([wanted('ext4')], source(modules, ['crc16', 'mbcache']));
    expect(found).toEqual({ order: ['crc32c_intel', 'jbd2', 'ext4'], missing: [] });
  });

  test('an optional module goes with all of what only it needs', async () => {
    const modules = { a: { depends: ['b', 'lost'] }, b: {}, c: { depends: ['b'] } };
    const found = await closeModules(
      [wanted('a', false), wanted('absent', false), wanted('c')],
      source(modules),
    );
    expect(found).toEqual({ order: ['b', 'c'], missing: [] });
  });

  test('a missing dependency of a required module is named', async () => {
    const modules = { a: { depends: ['b'] }, b: { depends: ['lost'] } };
    expect((await closeModules([wanted('a')], source(modules))).missing).toEqual([
      { name: 'lost', wantedBy: 'a' },
    ]);
  });

  test('every module comes after what it needs, once, whatever the graph, cycles too', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const graph = fc.dictionary(
      fc.constantFrom(...names),
      fc.array(fc.constantFrom(...names), { maxLength: 4 }),
      {
        minKeys: 1,
      },
    );
    await fc.assert(
      fc.asyncProperty(graph, async (edges) => {
        const modules = Object.fromEntries(names.map((name) => [name, { depends: edges[name] ?? [] }]));
        const { order, missing } = await closeModules(
          names.map((name) => wanted(name)),
          source(modules),
        );
        expect(missing).toEqual([]);
        expect([...order].sort()).toEqual(names);
        const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
          (edges[from] ?? []).some(
            (next) => next === to || (!seen.has(next) && (seen.add(next), reaches(next, to, seen))),
          );
        for (const name of names)
          for (const needed of edges[name] ?? [])
            if (!reaches(needed, name) && needed !== name)
              expect(order.indexOf(needed)).toBeLessThan(order.indexOf(name));
      }),
    );
  });
});

describe('a tree of modules', () => {
  let root: string;
  const { signal } = new AbortController();
  const open = (): Promise<ModuleTree> =>
    ModuleTree.open(root, { runner: new FakeRunner({}), scratch: root, signal });
  const put = async (path: string, content: Buffer | string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'banger-modules-'));
    await mkdir(join(root, 'kernel'));
  });
  afterEach(() => rm(root, { recursive: true }));

  test('compressed modules, hyphens, aliases of checksums, the list of what is built in', async () => {
    await put(
      'kernel/drivers/virtio-rng.ko.zst',
      zstdCompressSync(makeModule(['name=virtio_rng', 'depends='])),
    );
    await put(
      'kernel/arch/x86/crypto/crc32c-intel.ko.gz',
      gzipSync(makeModule(['name=crc32c_intel', 'alias=crc32c'])),
    );
    await put('modules.builtin', 'kernel/fs/ext4/ext4.ko\nkernel/drivers/char/hw_random/rng-core.ko\n');
    const tree = await open();
    expect((await tree.info('virtio_rng'))?.name).toBe('virtio_rng');
    expect(tree.fileName('virtio_rng')).toBe('virtio-rng.ko');
    expect((await tree.bytes('virtio_rng')).toString('latin1', 1, 4)).toBe('ELF');
    expect(await tree.aliased('crc32c')).toEqual(['crc32c_intel']);
    expect(tree.isBuiltin('rng_core')).toBe(true);
    expect(await tree.info('nothing')).toBeUndefined();
  });

  test('a link is no module, and a damaged module is named', async () => {
    await put('kernel/a.ko', 'no ELF');
    await symlink('/etc/passwd', join(root, 'kernel/b.ko'));
    const tree = await open();
    expect(await tree.info('b')).toBeUndefined();
    await expect(tree.info('a')).rejects.toMatchObject({
      code: 'kernel_invalid',
      message: expect.stringContaining('module a ') as string,
    });
  });

  test('a kernel that lacks what a boot needs is refused, naming it', async () => {
    await put('kernel/drivers/virtio_pci.ko', makeModule(['name=virtio_pci', 'depends=']));
    const agent = { bytes: Buffer.from('agent'), sha256: '' };
    await expect(buildInitramfs(agent, await open())).rejects.toMatchObject({
      code: 'kernel_invalid',
      details: { missing: ['virtio_console', 'virtio_blk', 'ext4', 'virtio_net'] },
    });
  });
});
