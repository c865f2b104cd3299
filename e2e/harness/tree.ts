import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * All that tells whether anything below a directory was touched: by path the kind, mode, inode, times and content of each thing. The
 * time of a directory changes also by what was made in it and removed again. Reading leaves it all as it is.
 */
export function treeOf(directory: string): Readonly<Record<string, string>> {
  const paths = [
    directory,
    ...readdirSync(directory, { withFileTypes: true, recursive: true }).map(({ parentPath, name }) =>
      join(parentPath, name),
    ),
  ];
  return Object.fromEntries(paths.map((path) => [path, description(path)]));
}

function description(path: string): string {
  const stat = lstatSync(path, { bigint: true });
  const content = stat.isFile()
    ? readFileSync(path).toString('latin1')
    : stat.isSymbolicLink()
      ? readlinkSync(path)
      : '';
  return [stat.mode.toString(8), stat.uid, stat.ino, stat.mtimeNs, stat.ctimeNs, content].join(' ');
}
