import { readFile } from 'node:fs/promises';

/** What os-release(5) says of this host. */
export interface Distribution {
  /** `ID` first, then each of `ID_LIKE`; empty when there is no such file. */
  readonly ids: readonly string[];
  /** `PRETTY_NAME`, for a person. */
  readonly title: string;
}

/** Reads `/etc/os-release`, or `/usr/lib/os-release` where that is missing. */
export async function readDistribution(
  files: readonly string[] = ['/etc/os-release', '/usr/lib/os-release'],
): Promise<Distribution> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text !== undefined) return parseOsRelease(text);
  }
  return { ids: [], title: 'an unknown Linux' };
}

/** Parses the `NAME=value` lines, whose values may stand in quotes. */
export function parseOsRelease(text: string): Distribution {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_0-9]+)=(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/.exec(line);
    if (match?.[1] !== undefined) values.set(match[1], match[2] ?? match[3] ?? match[4] ?? '');
  }
  const ids = [values.get('ID') ?? '', ...(values.get('ID_LIKE') ?? '').split(/\s+/)].filter(
    (id) => id !== '',
  );
  return { ids, title: values.get('PRETTY_NAME') ?? ids[0] ?? 'an unknown Linux' };
}
