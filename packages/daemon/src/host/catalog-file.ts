import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { z } from 'zod';

/** Some 5,000 entries; what is longer is another file. */
const MOST_BYTES = 1024 ** 2;

/** How a catalog is called, and the key of the configuration that names it. */
export interface CatalogNames {
  readonly what: string;
  readonly key: string;
}

/**
 * Reads a catalog that the configuration names, JSON; `parse` throws when it is not right. Rejects with `config_invalid`, naming the
 * file and what is wrong.
 */
export async function readCatalogFile<T>(
  file: string,
  { what, key }: CatalogNames,
  parse: (value: unknown) => T,
): Promise<T> {
  try {
    return parse(JSON.parse(await readText(file)));
  } catch (cause) {
    throw new BangerError('config_invalid', `The ${what} ${file} cannot be used: ${reasonOf(cause)}.`, {
      cause,
      hint: `Correct it, or take it out of ${key}.`,
      details: { path: file },
    });
  }
}

async function readText(file: string): Promise<string> {
  // Without O_NONBLOCK a FIFO would be waited for.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new Error('it is no file');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0);
    if (bytesRead > MOST_BYTES) throw new Error(`it is longer than ${MOST_BYTES / 1024} KiB`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) {
    const [issue] = cause.issues;
    return `${issue?.path.join('.') || 'its content'}: ${issue?.message}`;
  }
  if (cause instanceof SyntaxError) return 'it is not JSON';
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === undefined ? message : `it cannot be read (${code})`;
}
