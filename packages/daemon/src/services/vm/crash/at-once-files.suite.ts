import * as sync from 'node:fs';
import type * as Files from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

type FilesModule = typeof Files;
type Act = (...args: readonly unknown[]) => unknown;

/** What is asked for most: each has a twin with the same arguments and errors. The rest stays as it is. */
const CALLS = [
  ...['access', 'appendFile', 'chmod', 'copyFile', 'link', 'lstat', 'mkdir', 'mkdtemp', 'readFile'],
  ...['readdir', 'readlink', 'realpath', 'rename', 'rm', 'stat', 'statfs', 'symlink', 'truncate'],
  ...['unlink', 'writeFile'],
];

/** The same of an open file, by its descriptor. */
const FILE_CALLS: Readonly<Record<string, (fd: number, ...args: never[]) => unknown>> = {
  chmod: sync.fchmodSync,
  datasync: sync.fdatasyncSync,
  read: (fd, ...[buffer, offset, length, position]: [Buffer, number?, number?, number?]) => ({
    bytesRead: sync.readSync(fd, buffer, offset ?? 0, length ?? buffer.byteLength, position ?? null),
    buffer,
  }),
  stat: sync.fstatSync,
  sync: sync.fsyncSync,
  truncate: sync.ftruncateSync,
  write: (fd, ...[buffer, ...place]: [Buffer, number?, number?, number?]) => ({
    bytesWritten: sync.writeSync(fd, buffer, ...place),
    buffer,
  }),
};

/**
 * `node:fs/promises` that does at once what it is called for and answers in a later turn of the event loop: on files in memory the
 * hand-over to another thread and back takes ten times as long as what is done there.
 */
export function atOnce(actual: FilesModule): FilesModule {
  const files: Record<string, unknown> = { ...actual };
  for (const name of CALLS) {
    const twin = (sync as unknown as Record<string, Act>)[`${name}Sync`]!;
    const original = (actual as unknown as Record<string, Act>)[name]!;
    // An open file, and what comes bit by bit, have no twin.
    files[name] = (...args: unknown[]) =>
      args.every(isPlain) ? answer(() => twin(...args)) : original(...args);
  }
  files['open'] = async (...args: Parameters<FilesModule['open']>) => atOnceFile(await actual.open(...args));
  return files as unknown as FilesModule;
}

function atOnceFile(file: Files.FileHandle): Files.FileHandle {
  return new Proxy(file, {
    get: (target, key) => {
      const act = FILE_CALLS[String(key)] as ((fd: number, ...args: unknown[]) => unknown) | undefined;
      if (act !== undefined) return (...args: unknown[]) => answer(() => act(target.fd, ...args));
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function answer(act: () => unknown): Promise<unknown> {
  try {
    return act();
  } finally {
    await setImmediate();
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof URL)
    return true;
  return Object.getPrototypeOf(value) === Object.prototype && !('signal' in value);
}
