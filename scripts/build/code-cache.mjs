// node code-cache.mjs DIST ARGUMENT…: runs a command of the bundle in DIST and writes down, for the launcher, what V8 compiled
// meanwhile. Run by the build, in a process of its own because the command ends its process.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Script, constants } from 'node:vm';

const [dist] = process.argv.splice(2, 1);
const filename = `${dist}/banger-main.cjs`;
const script = new Script(readFileSync(filename, 'utf8'), {
  filename,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
process.on('exit', () => writeFileSync(`${filename}.v8`, script.createCachedData()));
script.runInThisContext()(createRequire(import.meta.url), dist);
