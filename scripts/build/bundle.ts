import { build, type BuildOptions, type Metafile } from 'esbuild';
import type { Build } from '../../packages/contract/src/daemon.ts';

/** A program of the artifact and the module that it starts with, relative to the checkout. */
interface Program {
  readonly name: string;
  readonly main: string;
  readonly options: BuildOptions;
}

/** Packages written as CommonJS call `require` for modules of Node; an ES module has none of its own. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

const PROGRAMS: readonly Program[] = [
  {
    name: 'banger-main',
    main: 'packages/cli/src/main.ts',
    options: {
      // One function, which the launcher calls: V8 keeps what it compiled of a script, not of a module, together with the functions
      // that ran; and a module would load every module of Node that any command imports.
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      banner: { js: '(function (require, __dirname) {' },
      footer: { js: '})' },
      define: { 'import.meta.dirname': '__dirname' },
      // Modules that others stand for.
      alias: { 'node:process': './scripts/build/process.mjs' },
    },
  },
  {
    name: 'bangerd',
    main: 'packages/daemon/src/main.ts',
    options: { format: 'esm', outExtension: { '.js': '.mjs' }, banner: { js: REQUIRE } },
  },
];

/** Bundles the programs from `root` into the folder `dist`; resolves to what esbuild put where, by program. */
export async function bundle(
  root: string,
  dist: string,
  info: Build,
): Promise<ReadonlyMap<string, Metafile>> {
  const metafiles = new Map<string, Metafile>();
  for (const { name, main, options } of PROGRAMS) {
    const { metafile } = await build({
      ...options,
      absWorkingDir: root,
      entryPoints: { [name]: main },
      outdir: dist,
      // One file a program: what it imports late is still there when the artifact has been replaced under it.
      bundle: true,
      splitting: false,
      minify: true,
      // Stack traces in bug reports name functions and classes.
      keepNames: true,
      legalComments: 'linked',
      platform: 'node',
      target: 'node24',
      conditions: ['import', 'node'],
      define: { ...options.define, BANGER_BUILD: JSON.stringify(info), BANGER_BUNDLED: 'true' },
      metafile: true,
      logLevel: 'warning',
    });
    metafiles.set(name, metafile);
  }
  return metafiles;
}
