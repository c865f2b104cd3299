import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const here = import.meta.dirname;
/** An import or export that is left when types are stripped. */
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;

/** Every module that loading `file` loads: ours as paths, others by name. */
function loaded(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (name.startsWith('.')) loaded(join(dirname(file), name), seen);
    else if (name.startsWith('@banger/')) loaded(fileURLToPath(import.meta.resolve(name)), seen);
    else seen.add(name);
  }
  return seen;
}

describe('loading the client', () => {
  const files = globSync('*.ts', { cwd: here }).filter((file) => !/\.(test|suite)\.ts$/.test(file));
  const modules = new Set(files.flatMap((file) => [...loaded(join(here, file))]));

  test('loads contract and transport', () => {
    const names = [...modules].map((name) => relative(join(here, '../..'), name));
    expect(names).toEqual(
      expect.arrayContaining(['contract/src/error.ts', 'rpc/src/client.ts', 'sdk/src/connect.ts']),
    );
  });

  test('loads no schemas: they would double the start-up time of every command', () => {
    expect([...modules].filter((name) => !name.startsWith('/') && !name.startsWith('node:'))).toEqual([
      'json-rpc-2.0',
    ]);
  });

  test('the search would find them', () => {
    expect(loaded(join(here, '../../contract/src/methods.ts'))).toContain('zod');
  });
});
