/** Who may import whom. Each rule is proved to bite by a fixture of its name: scripts/import-rules/fixtures. */

/** Tests, the suites that several of them share, and what only those suites use. */
const TEST = '\\.(test|suite)\\.ts$|^packages/daemon/src/drivers/[^/]+/contract/';
const TEST_OR_TOOL = `${TEST}|^(e2e|bench|scripts)/|^packages/testkit/`;
const OURS = '^packages/';

module.exports = {
  forbidden: [
    {
      name: 'contract-imports-none-of-ours',
      comment: 'The contract is what the others agree on: it can depend on none of them.',
      severity: 'error',
      from: { path: '^packages/contract/', pathNot: TEST },
      to: { path: OURS, pathNot: '^packages/contract/' },
    },
    {
      name: 'rpc-imports-none-of-ours',
      comment: 'The JSON-RPC peer carries any methods and does not know the contract.',
      severity: 'error',
      from: { path: '^packages/rpc/', pathNot: TEST },
      to: { path: OURS, pathNot: '^packages/rpc/' },
    },
    {
      name: 'sdk-imports-contract-and-rpc-only',
      comment: 'The published client must not draw in the daemon or the command line.',
      severity: 'error',
      from: { path: '^packages/sdk/', pathNot: TEST },
      to: { path: OURS, pathNot: '^packages/(sdk|contract|rpc)/' },
    },
    {
      name: 'cli-imports-sdk-and-contract-only',
      comment: 'The command line reaches the daemon over its socket and in no other way.',
      severity: 'error',
      from: { path: '^packages/cli/', pathNot: TEST },
      to: { path: OURS, pathNot: '^packages/(cli|sdk|contract)/' },
    },
    {
      name: 'cli-takes-types-from-contract',
      comment:
        'Schemas bring zod, which doubles the start-up time of every command. Errors, paths, sizes, build, ' +
        'installation, raw text, references to VMs and the end of a process are free of it.',
      severity: 'error',
      from: { path: '^packages/cli/', pathNot: TEST },
      to: {
        path: '^packages/contract/',
        pathNot:
          '^packages/contract/src/(error|error-codes|paths|size-text|vm-limits|build-info|installation|raw-text|end-process|vm-reference)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'daemon-does-not-import-clients',
      comment: 'The daemon serves sdk and cli; it must not depend on them.',
      severity: 'error',
      from: { path: '^packages/daemon/', pathNot: TEST },
      to: { path: '^packages/(cli|sdk)/' },
    },
    {
      name: 'services-see-driver-interfaces-only',
      comment: 'A service that knows QEMU cannot run on Firecracker or on the fake.',
      severity: 'error',
      from: { path: '^packages/daemon/src/services/', pathNot: TEST },
      to: {
        path: '^packages/daemon/src/drivers/',
        pathNot: '^packages/daemon/src/drivers/[^/]+/driver\\.ts$',
      },
    },
    {
      name: 'services-see-host-types-only',
      comment: 'Services are given the machine (runner, clock, files) and never reach for it.',
      severity: 'error',
      from: { path: '^packages/daemon/src/services/', pathNot: TEST },
      to: { path: '^packages/daemon/src/host/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'drivers-are-independent',
      comment: 'A driver is replaced alone: it knows no driver of another kind.',
      severity: 'error',
      from: { path: '^packages/daemon/src/drivers/([^/]+)/', pathNot: TEST },
      to: { path: '^packages/daemon/src/drivers/', pathNot: '^packages/daemon/src/drivers/$1/' },
    },
    {
      name: 'drivers-do-not-import-services',
      comment: 'Calls run from api over services to drivers, never back.',
      severity: 'error',
      from: { path: '^packages/daemon/src/drivers/', pathNot: TEST },
      to: { path: '^packages/daemon/src/(api|services|store|compose|main)' },
    },
    {
      name: 'api-sees-driver-interfaces-only',
      comment: 'A handler validates and calls one service, whatever drivers the service has.',
      severity: 'error',
      from: { path: '^packages/daemon/src/api/', pathNot: TEST },
      to: {
        path: '^packages/daemon/src/drivers/',
        pathNot: '^packages/daemon/src/drivers/[^/]+/driver\\.ts$',
      },
    },
    {
      name: 'host-is-the-bottom',
      comment: 'The machine layer serves everyone and knows no one.',
      severity: 'error',
      from: { path: '^packages/daemon/src/host/', pathNot: TEST },
      to: { path: '^packages/daemon/src/', pathNot: '^packages/daemon/src/(host|domain)/' },
    },
    {
      name: 'only-host-spawns-processes',
      comment:
        'One runner: argv only, with limits, time-outs and cleanup. The SDK starts the daemon and its doctor.',
      severity: 'error',
      from: {
        path: OURS,
        pathNot: `${TEST_OR_TOOL}|^packages/daemon/src/host/|^packages/cli/src/(daemon|terminal)[/-]|^packages/sdk/src/(start-daemon|run-doctor)\\.ts$`,
      },
      to: { path: '^(node:)?(child_process|cluster)$|(^|/)node_modules/(execa|cross-spawn)/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'Types and rules that a test can call with values: no I/O, no clock, no layer above.',
      severity: 'error',
      from: { path: '^packages/daemon/src/domain/', pathNot: TEST },
      to: {
        pathNot: '^packages/(daemon/src/domain|contract)/|(^|/)node_modules/zod/',
      },
    },
    {
      name: 'testkit-only-from-tests',
      comment: 'Fakes and fixtures must not reach a shipped program.',
      severity: 'error',
      from: { pathNot: TEST_OR_TOOL },
      to: { path: '^packages/testkit/' },
    },
    {
      name: 'test-tools-only-from-tests',
      comment: 'Test frameworks must not reach a shipped program.',
      severity: 'error',
      from: { path: OURS, pathNot: TEST_OR_TOOL },
      to: { path: '(^|/)node_modules/(vitest|fast-check|esbuild)/' },
    },
    {
      name: 'tests-are-not-imported',
      comment:
        'A test file that others import runs its tests twice; share through the testkit or a *.suite.ts file.',
      severity: 'error',
      from: {},
      to: { path: '\\.test\\.ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'Modules in a cycle can only be understood and changed together.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'Imported by nobody and importing nothing: dead.',
      severity: 'error',
      from: { orphan: true, path: OURS, pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'no-unresolvable',
      comment:
        'An import that does not resolve is seen by no other rule. The launcher starts what the bundler makes.',
      severity: 'error',
      from: { pathNot: '^scripts/build/launcher\\.mjs$' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^scripts/.*/fixtures/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
