import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { fileSink } from '../../host/http/file-sink.ts';
import type { ArchiveEntry } from './archive-readers.ts';

/** A distribution's kernel has some 5,000 files. */
const MOST_ENTRIES = 200_000;
/** What an archive may unpack to: some times the largest kernels with debug data. Beyond, it is a bomb. */
const MOST_UNPACKED_BYTES = 8 * 1024 ** 3;
/** NAME_MAX and PATH_MAX of Linux. */
const MOST_NAME = 255;
const MOST_PATH = 2_000;
/** What the file system says of a path that is both a file and a directory. */
const BOTH = new Set(['EISDIR', 'ENOTDIR', 'EEXIST']);

/**
 * Writes the files of an archive below a directory, and nothing anywhere else. Links are left out, so that no path leads through one
 * (`build` and `source` of a module tree lead to what is no part of a kernel). Throws a plain Error for what no archive of a kernel has.
 */
export async function extractFiles(
  entries: AsyncIterable<ArchiveEntry>,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  let count = 0;
  let left = MOST_UNPACKED_BYTES;
  for await (const { kind, name, size, content } of entries) {
    if (signal.aborted) throw new BangerError('cancelled', 'The call was cancelled.');
    const path = pathOf(name);
    if ((count += 1) > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES} entries`);
    if (kind === 'directory' || kind === 'symlink') continue;
    if (kind !== 'file') throw new Error(`it has ${JSON.stringify(path)}, a ${kind}: no kernel needs one`);
    if ((left -= size) < 0) throw new Error(`it unpacks to more than ${MOST_UNPACKED_BYTES} bytes`);
    if (path === '') throw new Error('it has a file without a name');
    await writeEntry(join(directory, path), content).catch((error: unknown) => {
      if (!BOTH.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      throw new Error(`it has ${JSON.stringify(path)} below a file, or as a directory too`, { cause: error });
    });
  }
}

/** A directory, or where it has nothing but one other, that one: many archives have all of theirs in one. */
export async function contentRoot(directory: string): Promise<string> {
  const [only, ...others] = await readdir(directory, { withFileTypes: true });
  const isWrapper =
    only?.isDirectory() === true &&
    others.length === 0 &&
    !['boot', 'lib', 'usr', 'modules'].includes(only.name);
  return isWrapper ? join(directory, only.name) : directory;
}

async function writeEntry(path: string, content: ArchiveEntry['content']): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w');
  try {
    const sink = fileSink(file);
    for await (const chunk of content) await sink.write(chunk);
  } finally {
    await file.close();
  }
}

/** The path below the archive's root, clean; empty for the root itself. */
function pathOf(name: Buffer): string {
  const text = name.toString('latin1');
  const shown = JSON.stringify(text.slice(0, 200));
  if (!/^[ -~]*$/.test(text)) throw new Error(`it has an odd name, ${shown}`);
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Error(`it has ${shown}, which leads out of it`);
  if (text.length > MOST_PATH || parts.some((part) => part.length > MOST_NAME))
    throw new Error(`it has a name that is too long, ${shown}`);
  return parts.join('/');
}
