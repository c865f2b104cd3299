import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Written } from '@banger/daemon/drivers/image/oci/tar/archive.suite';

/** An image of one layer: what is in it, and what its configuration says. */
export interface OddImage {
  readonly entries: readonly Written[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** Compiles a program of this directory with musl, for a small image has no other C library, and gives its path. */
export function compile(directory: string, name: string, options: readonly string[]): string {
  const file = join(directory, name);
  const source = join(import.meta.dirname, `${name}.c`);
  execFileSync('musl-gcc', [...options, '-O1', '-Wall', '-Wextra', '-Werror', '-o', file, source]);
  return file;
}

const program = (name: string, content: Buffer): Written => ({ name, content, mode: 0o755 });
const folder = (name: string, more: Partial<Written> = {}): Written => ({
  ...{ name, type: '5', mode: 0o755 },
  ...more,
});
const link = (name: string, to: string): Written => ({ name, type: '2', link: to, mode: 0o777 });
const fifo = (name: string): Written => ({ name, type: '6' });

/** BusyBox with some of its names, as Alpine has it. */
function busybox(): Written[] {
  const names = ['sh', 'ash', 'ls', 'id', 'cat', 'head', 'mount', 'touch', 'stat', 'poweroff'];
  const content = readFileSync(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim());
  return [program('bin/busybox', content), ...names.map((name) => link(`bin/${name}`, '/bin/busybox'))];
}

/** One static program and nothing else: no directory, no user, no mount point. */
export function bareImage(directory: string): OddImage {
  return {
    entries: [program('teller', readFileSync(compile(directory, 'teller', ['-static'])))],
    config: {
      Entrypoint: ['/teller', 'the entry point'],
      Cmd: ['the command'],
      Env: ['A=image', 'PATH=/nowhere', 'ALONE'],
      User: '1000:1001',
      WorkingDir: '/var/lib/none',
    },
  };
}

/** musl as a shared library, BusyBox as a shell, a user of its own whose directory in /run is made by the image; no bash. */
export function alpineImage(directory: string): OddImage {
  return {
    entries: [
      ...busybox(),
      program('usr/bin/teller', readFileSync(compile(directory, 'teller', []))),
      program('lib/ld-musl-x86_64.so.1', readFileSync('/lib/ld-musl-x86_64.so.1')),
      {
        name: 'etc/passwd',
        content: 'root:x:0:0:root:/root:/bin/ash\napp:x:100:101::/srv/app:/sbin/nologin\n',
      },
      { name: 'etc/profile', content: 'export PATH=/bin\n' },
      { name: 'etc/group', content: 'root:x:0:root\napp:x:101:\nlog:x:4:app\n' },
      // What would be written through is the shell.
      link('etc/resolv.conf', '/bin/busybox'),
      folder('run/app', { mode: 0o750, uid: 100, gid: 101 }),
      // As where the system is one tree that is never written to, and homes lie in another.
      link('root', '/var/roothome'),
      { name: 'var/roothome/kept', content: 'by the image\n' },
    ],
    config: { User: 'app', Env: ['PATH=/usr/bin:/bin'], Cmd: ['/bin/sh'], ExposedPorts: { '80/tcp': {} } },
  };
}

/** Something else in the place of every directory that a boot mounts on or writes to. */
export function hostileImage(): OddImage {
  return {
    entries: [
      ...busybox(),
      link('etc', '/nowhere/etc'),
      link('proc', '/bin'),
      link('sys', 'sys'),
      link('run', '../../../outside'),
      link('tmp', '/nowhere'),
      { name: 'dev', content: 'no directory' },
      { name: 'root', content: 'no directory either' },
    ],
    config: { User: 'root', Entrypoint: [''] },
  };
}

/** An init in the place of systemd, where a boot would wait for ever to read what is no file. */
export function systemdImage(directory: string): OddImage {
  return {
    entries: [
      ...busybox(),
      program('lib/systemd/systemd', readFileSync(compile(directory, 'tiny-systemd', ['-static']))),
      ...['passwd', 'fstab'].map((name) => fifo(`etc/${name}`)),
      ...['group', 'hosts', 'hostname'].map((name) => folder(`etc/${name}`)),
      link('etc/resolv.conf', 'resolv.conf'),
    ],
    config: { Cmd: ['/lib/systemd/systemd'] },
  };
}
