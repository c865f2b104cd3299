import { openExt4Writer } from '../ext4/writer.ts';

/** Of that file system. */
export const ROOT_FS_BYTES = 16 * 1024 ** 2;
const NOW = { seconds: 1_700_000_000, nanoseconds: 0 };
const OWNED = { mode: 0o755, uid: 0, gid: 0, modified: NOW };

/** A small root file system of a user, in a new file. */
export async function writeRootFs(file: string, { init = false } = {}): Promise<void> {
  const bytes = (text: string): Buffer => Buffer.from(text);
  await using writer = await openExt4Writer(file, {
    sizeBytes: ROOT_FS_BYTES,
    uuid: bytes('0123456789abcdef'),
    hashSeed: bytes('some seed or so.'),
    now: NOW,
    journalBytes: 4 * 1024 ** 2,
  });
  const add = (path: string, content: string): Promise<void> =>
    writer.file(bytes(path), OWNED, content.length, [bytes(content)]);
  await add('etc/os-release', 'ID=mine\n');
  await add('bin/sh', '#!');
  await add('root/.profile', 'hello');
  if (init) await add('usr/lib/systemd/systemd', '#!');
  if (init) await writer.symlink(bytes('sbin/init'), OWNED, bytes('../usr/lib/systemd/systemd'));
  await writer.finish();
}
