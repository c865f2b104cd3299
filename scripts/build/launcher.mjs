#!/usr/bin/env node
// The first file of the artifact that runs. It imports nothing, so that an older Node gets as far as the message.
const OLDEST_NODE = 24;
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  process.stderr.write(`banger needs Node ${OLDEST_NODE} or newer; this is ${process.version}.\n`);
  process.exit(1);
}
// Compiling the command line is a third of the time that a short command takes, so the build left beside it what V8 made of
// it (code-cache.mjs). A V8 of another version refuses that and compiles.
const { readFileSync } = process.getBuiltinModule('node:fs');
const { Script, constants } = process.getBuiltinModule('node:vm');
const filename = `${import.meta.dirname}/banger-main.cjs`;
const script = new Script(readFileSync(filename, 'utf8'), {
  filename,
  cachedData: readFileSync(`${filename}.v8`),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
script.runInThisContext()(require, import.meta.dirname);
