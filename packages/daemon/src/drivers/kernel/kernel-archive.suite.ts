import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { archive } from '../image/oci/tar/archive.suite.ts';

/** A tar archive of files by their paths. */
export function tarOf(files: Iterable<readonly [path: string, content: Buffer]>): Buffer {
  return archive([...files].map(([path, content]) => ({ name: `./${path}`, content })));
}

/** A tar archive of the files below a directory. */
export async function kernelTar(directory: string): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return tarOf(
    await Promise.all(paths.map(async (path) => [relative(directory, path), await readFile(path)] as const)),
  );
}

/** A Debian package with this archive of files in it (deb(5)). */
export function debOf(data: Buffer, name = 'data.tar'): Buffer {
  const member = (member: string, content: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from(
        `${member.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`,
      ),
      Buffer.from(`${String(content.length).padEnd(10)}\`\n`),
      content,
      Buffer.alloc(content.length % 2, '\n'),
    ]);
  const control = archive([{ name: './control', content: 'Package: x' }]);
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n')),
    member('control.tar', control),
    member(name, data),
  ]);
}

/** Where a catalog says that a file is. */
export function urlPlace(
  url: string,
  file: Buffer,
): { type: 'url'; url: string; sha256: string; bytes: number } {
  return { type: 'url', url, sha256: createHash('sha256').update(file).digest('hex'), bytes: file.length };
}

/** A catalog of the configuration. */
export function catalogText(
  kernels: readonly { readonly name: string; readonly sources: readonly object[] }[],
): string {
  const entries = kernels.map((kernel) => ({ distribution: 'debian', arch: 'x86_64', ...kernel }));
  return JSON.stringify({ catalog: 1, kernels: entries });
}
