// Stands for `node:process` in the bundles: the module brings reports and finalisers with it, which take 2 ms to load.
export default globalThis.process;
