import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeExit, FakeRunner } from '../../host/fake-runner.ts';
import { BuildNamespace } from './build-namespace.ts';
import { RecipeImageBuilder } from './builder.ts';
import { imageCatalog, parseImageCatalog, recipeSha256 } from './catalog.ts';
import { problems, readImage } from './ext4/image.suite.ts';
import { createFakeImages } from './fake/fake-image-host.ts';
import { mmdebstrapArgv } from './mmdebstrap.ts';
import { ImageDirectory } from './store.ts';

const context = { signal: new AbortController().signal, onProgress: () => undefined };

describe('building by a recipe', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'banger-builder-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const on = (programs: ConstructorParameters<typeof FakeRunner>[0], uid: number): RecipeImageBuilder => {
    const runner = new FakeRunner(programs);
    const namespace = new BuildNamespace(runner, uid);
    const store = new ImageDirectory(root, (path) => namespace.remove(path));
    return new RecipeImageBuilder({ store, runner, namespace, now: () => 0 });
  };

  test('a missing program is named with the command that installs it', async () => {
    await expect(on({}, 0).build('debian-bookworm', context)).rejects.toMatchObject({
      code: 'missing_tool',
      hint: expect.stringContaining('apt-get install mmdebstrap') as string,
    });
    const present = { mmdebstrap: () => '', tar: () => '', setpriv: () => '' };
    await expect(on(present, 0).build('debian-bookworm', context)).rejects.toMatchObject({
      code: 'missing_tool',
      hint: expect.stringContaining('apt-get install util-linux') as string,
    });
    await expect(
      on({ ...present, unshare: () => '' }, 1000).build('debian-bookworm', context),
    ).rejects.toMatchObject({
      code: 'missing_tool',
      hint: expect.stringContaining('apt-get install uidmap') as string,
    });
  });

  test('a user without sub-ids is told how to get them', async () => {
    const unshare = (): never => {
      throw new FakeExit(1, 'unshare: no line matching user "u" in /etc/subuid');
    };
    const present = {
      mmdebstrap: () => '',
      tar: () => '',
      newuidmap: () => '',
      setpriv: () => '',
      unshare,
    };
    await expect(on(present, 1000).build('debian-bookworm', context)).rejects.toMatchObject({
      code: 'not_supported',
      hint: expect.stringContaining('--add-subuids') as string,
    });
  });

  test('a full disk is told as that, another failure with what the program said; nothing is left', async () => {
    const { host, builder } = createFakeImages(root);
    host.onBuild = () =>
      Promise.reject(new FakeExit(25, 'E: write error: No space left on device\nE: failed'));
    await expect(builder.build('debian-bookworm', context)).rejects.toMatchObject({ code: 'disk_full' });
    host.onBuild = () => Promise.reject(new FakeExit(25, 'E: Unable to locate package gti'));
    await expect(builder.build('debian-bookworm', context)).rejects.toMatchObject({
      code: 'command_failed',
      message: expect.stringMatching(/^mmdebstrap failed .*gti$/s) as string,
    });
    expect(await readdir(root)).toEqual([]);
  });

  test('what belongs to this machine is not in it, what the recipe says is', async () => {
    const { builder } = createFakeImages(root);
    const { rootDisk, workTemplate } = await builder.build('debian-bookworm-systemd', context);
    const found = readImage(rootDisk);
    expect(found.get('var/lib/apt/lists/lock')).toBeUndefined();
    expect(found.get('usr/lib/modules')).toMatchObject({ type: 'directory', mode: 0o755, uid: 0 });
    expect(found.get('etc/hostname')?.content.toString()).toBe('localhost\n');
    expect(found.get('etc/resolv.conf')?.content.toString()).toMatch(/^# banger .*\n$/);
    // As the agent has its marks, or what is between them would stay beside what it writes.
    const agent = readFileSync(join(import.meta.dirname, '../../../../../guest/src/etc.c'), 'utf8');
    const marks = [...agent.matchAll(/^static const char (?:BEGIN|END)\[\] = "(.*)\\n";$/gm)];
    expect(found.get('etc/hosts')?.content.toString()).toBe(marks.map(([, mark]) => `${mark}\n`).join(''));
    expect(found.get('etc/machine-id')).toMatchObject({ size: 0, mode: 0o644, uid: 0, gid: 0 });
    expect(found.get('etc/default/locale')?.content.toString()).toBe('LANG=C.UTF-8\n');
    expect(found.get('etc/systemd/system/default.target')).toMatchObject({ type: 'symlink' });
    const work = readImage(workTemplate);
    expect([...work.keys()]).toEqual(['', '.profile']);
    expect(work.get('')).toMatchObject({ mode: 0o700 });
    for (const disk of [rootDisk, workTemplate]) expect(problems(disk)).toBe('');
  });

  test('everything runs in a world that ends with us', async () => {
    const { host, builder } = createFakeImages(root);
    await builder.build('debian-bookworm', context);
    const wrapped = host.runner.runs.filter((argv) => argv.includes('mmdebstrap') || argv.includes('tar'));
    expect(wrapped).toHaveLength(2);
    for (const argv of wrapped) {
      expect(argv.slice(0, 4)).toEqual(['setpriv', '--pdeathsig', 'KILL', '--']);
      expect(argv.slice(4, 9)).toEqual(['unshare', '--mount', '--pid', '--fork', '--kill-child']);
    }
  });
});

describe('the catalog', () => {
  test('every entry builds on one that is there, and every package says why', () => {
    expect(imageCatalog.map(({ name }) => name)).toEqual(['debian-bookworm', 'debian-bookworm-systemd']);
    const [plain, systemd] = imageCatalog;
    expect(plain?.packages).toEqual(
      expect.arrayContaining(['git', 'curl', 'ca-certificates', 'iproute2', 'procps']),
    );
    expect(systemd?.packages).toEqual(expect.arrayContaining([...(plain?.packages ?? []), 'systemd-sysv']));
    expect([plain?.init, systemd?.init]).toEqual(['agent', '/sbin/init']);
    expect(new Set(imageCatalog.map(recipeSha256)).size).toBe(2);
  });

  test('paths that leave the tree and packages that are options are refused', () => {
    const entry = (change: object): unknown => ({
      catalog: 1,
      images: [
        {
          name: 'x',
          description: '',
          distribution: 'debian',
          arch: 'x86_64',
          kernel: 'k',
          init: 'agent',
          sources: [
            {
              type: 'recipe',
              suite: 'bookworm',
              variant: 'apt',
              packages: {},
              files: [],
              links: [],
              ...change,
            },
          ],
        },
      ],
    });
    expect(parseImageCatalog(entry({}))).toHaveLength(1);
    for (const path of ['etc/x', '/etc/../x', '/..', '/etc/', '//etc', '/etc//x'])
      expect(() => parseImageCatalog(entry({ links: [{ path, to: '/dev/null', why: '' }] }))).toThrow();
    for (const path of ['/lib/x', '/bin/x', '/sbin', '/lib64/x'])
      expect(() => parseImageCatalog(entry({ files: [{ path, text: '', why: '' }] }))).toThrow();
    expect(() => parseImageCatalog(entry({ packages: { '--hook': 'no' } }))).toThrow();
    expect(() => parseImageCatalog(entry({ suite: '--help' }))).toThrow();
    expect(() => parseImageCatalog({ ...(entry({}) as object), catalog: 2 })).toThrow();
  });

  test('the command line of mmdebstrap', () => {
    const [recipe] = imageCatalog;
    if (recipe === undefined) throw new Error('no recipe');
    const settings = ['Acquire::Check-Valid-Until "0";'];
    const argv = mmdebstrapArgv(
      recipe,
      { lines: ['deb http://example.org/debian bookworm main'], settings },
      '/tree',
    );
    expect(argv.slice(-3)).toEqual(['bookworm', '/tree', 'deb http://example.org/debian bookworm main']);
    expect(argv).toContain('--aptopt=Acquire::Check-Valid-Until "0";');
    expect(argv.find((word) => word.startsWith('--include='))).toContain(',git,');
  });
});
