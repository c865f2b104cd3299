#!/usr/bin/env node
// The first file of the artifact that runs. It imports nothing, so that an older Node gets as far as the message.
const OLDEST_NODE = 24;
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  process.stderr.write(`banger needs Node ${OLDEST_NODE} or newer; this is ${process.version}.\n`);
  process.exit(1);
}
// Compiling the bundle is a fifth of the time that a short command takes. The cache is as trusted as the code that it
// lies beside; where that cannot be written to, the command compiles.
process
  .getBuiltinModule('node:module')
  .enableCompileCache({ directory: `${import.meta.dirname}/cache`, portable: true });
await import('./banger-main.mjs');
