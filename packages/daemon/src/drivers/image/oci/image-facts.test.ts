import { describe, expect, it } from 'vitest';
import { PLAIN, bytes, withImage } from '../ext4/image.suite.ts';
import { factsOf, parseOsRelease, type ImageFacts } from './image-facts.ts';

/** Facts of a tree: a text is a file, `-> target` a link, `+x` a program. */
async function facts(tree: Readonly<Record<string, string>>): Promise<ImageFacts> {
  let found: ImageFacts | undefined;
  await withImage(
    async (writer) => {
      for (const [path, what] of Object.entries(tree)) {
        const at = bytes(path);
        const target = /^-> (.*)$/.exec(what)?.[1];
        if (target !== undefined) await writer.symlink(at, { ...PLAIN, mode: 0o777 }, bytes(target));
        else
          await writer.file(at, { ...PLAIN, mode: what === '+x' ? 0o755 : 0o644 }, what.length, [
            bytes(what),
          ]);
      }
      found = await factsOf(await writer.written());
    },
    () => undefined,
  );
  if (found === undefined) throw new Error('nothing was told');
  return found;
}

const NOTHING: ImageFacts = { osRelease: undefined, init: undefined, shell: false };

describe('facts of an image', () => {
  it.each<[string, Readonly<Record<string, string>>, Partial<ImageFacts>]>([
    ['nothing in it', {}, {}],
    [
      'Debian with systemd to be booted, its directories merged',
      {
        bin: '-> usr/bin',
        lib: '-> usr/lib',
        sbin: '-> usr/sbin',
        'usr/sbin/init': '-> /lib/systemd/systemd',
        'usr/lib/systemd/systemd': '+x',
        'usr/bin/sh': '-> dash',
        'usr/bin/dash': '+x',
        'etc/os-release': '-> ../usr/lib/os-release',
        'usr/lib/os-release': 'NAME="Debian"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
      },
      {
        osRelease: { id: 'debian', versionCodename: 'bookworm', versionId: '12' },
        init: '/sbin/init',
        shell: true,
      },
    ],
    [
      'systemd that nobody links as the init',
      { 'lib/systemd/systemd': '+x', 'bin/bash': '+x' },
      { init: '/lib/systemd/systemd', shell: true },
    ],
    [
      'Alpine, whose init is another',
      {
        'sbin/init': '-> /bin/busybox',
        'bin/sh': '-> /bin/busybox',
        'bin/busybox': '+x',
        'etc/os-release': "ID=alpine\nVERSION_ID='3.19.1'\n",
      },
      { osRelease: { id: 'alpine', versionCodename: undefined, versionId: '3.19.1' }, shell: true },
    ],
    ['a shell that nobody may run', { 'bin/sh': 'text' }, {}],
    ['a shell that is a directory', { 'bin/sh/x': '+x' }, {}],
    ['links in a circle', { 'bin/sh': '-> sh', 'sbin/init': '-> ../sbin/init', etc: '-> etc' }, {}],
    ['links that lead out', { 'bin/sh': '-> ../../../../bin/real', 'bin/real': '+x' }, { shell: true }],
    ['a link below a file', { 'bin/sh': '-> file/../real', 'bin/file': 'x', 'bin/real': '+x' }, {}],
    ['a file that is too long', { 'etc/os-release': `ID=debian\n${'#'.repeat(70_000)}` }, {}],
    ['the first of both counts', { 'etc/os-release': 'NAME=x\n', 'usr/lib/os-release': 'ID=debian\n' }, {}],
  ])('%s', async (_, tree, expected) => {
    expect(await facts(tree)).toEqual({ ...NOTHING, ...expected });
  });

  it.each([
    ['ID=debian', 'debian'],
    [' ID=debian', undefined],
    ['ID="fedora" ', 'fedora'],
    ["ID='opensuse-leap'\r", 'opensuse-leap'],
    ['ID=$(reboot)', undefined],
    ['ID="a b"', undefined],
    ['ID=""', undefined],
    ['ID=\x1b[31m', undefined],
    [`ID=${'x'.repeat(65)}`, undefined],
    ['ID=one\nID=two', 'two'],
    ['', undefined],
  ])('os-release %j', (text, id) => {
    expect(parseOsRelease(text)?.id).toBe(id);
  });
});
