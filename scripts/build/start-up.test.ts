import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { modulesAtStart, packagesTooEarly } from './start-up.ts';

test('what is imported at once is read at start, what is imported later is not', async () => {
  const root = mkdtempSync(join(tmpdir(), 'banger-start-'));
  try {
    const files = {
      'main.ts': `import { shared } from './shared.ts'; console.log(shared, await import('./later.ts'));`,
      'later.ts': `import { shared } from './shared.ts'; export const later = [shared];`,
      'shared.ts': `import { readFileSync } from 'node:fs'; export const shared = readFileSync;`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['main.ts'],
      outdir: 'out',
      bundle: true,
      format: 'esm',
      platform: 'node',
      metafile: true,
    });
    expect(modulesAtStart(metafile, 'main.ts').toSorted()).toEqual(['main.ts', 'shared.ts']);
    expect(() => modulesAtStart(metafile, 'other.ts')).toThrow('other.ts is not in the bundle');
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('packages that cost time are named once', () => {
  const modules = [
    'packages/cli/src/main.ts',
    'node_modules/commander/lib/command.js',
    'node_modules/zod/v4/core/schemas.js',
    'node_modules/zod/v4/core/parse.js',
    'packages/cli/node_modules/@clack/prompts/dist/index.mjs',
  ];
  expect(packagesTooEarly(modules)).toEqual(['zod', '@clack/prompts']);
});
