import { build, type Metafile } from 'esbuild';
import type { Build } from '../../packages/contract/src/daemon.ts';

/** A program of the artifact and the module that it starts with, relative to the checkout. */
interface Program {
  readonly name: string;
  readonly main: string;
  /** Text before the bundle. */
  readonly banner: string;
  /** Modules that others stand for. */
  readonly alias: Readonly<Record<string, string>>;
}

/** Packages written as CommonJS call `require` for modules of Node; an ES module has none of its own. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

const PROGRAMS: readonly Program[] = [
  {
    name: 'banger-main',
    main: 'packages/cli/src/main.ts',
    banner: '',
    alias: { 'node:process': './scripts/build/process.mjs' },
  },
  { name: 'bangerd', main: 'packages/daemon/src/main.ts', banner: REQUIRE, alias: {} },
];

/** Bundles the programs from `root` into the folder `dist`; resolves to what esbuild put where, by program. */
export async function bundle(
  root: string,
  dist: string,
  info: Build,
): Promise<ReadonlyMap<string, Metafile>> {
  const metafiles = new Map<string, Metafile>();
  for (const { name, main, banner, alias } of PROGRAMS) {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: { [name]: main },
      outdir: dist,
      outExtension: { '.js': '.mjs' },
      // One file a program: what it imports late is still there when the artifact has been replaced under it.
      bundle: true,
      splitting: false,
      minify: true,
      // Stack traces in bug reports name functions and classes.
      keepNames: true,
      legalComments: 'linked',
      format: 'esm',
      platform: 'node',
      target: 'node24',
      conditions: ['import', 'node'],
      alias,
      define: { BANGER_BUILD: JSON.stringify(info), BANGER_BUNDLED: 'true' },
      banner: { js: banner },
      metafile: true,
      logLevel: 'warning',
    });
    metafiles.set(name, metafile);
  }
  return metafiles;
}
