import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cruiseImports } from './cruise.ts';

const TREE = join(import.meta.dirname, 'fixtures/tree');

/** Each rule, and the file of the fixture tree that breaks it. */
const VIOLATIONS: Readonly<Record<string, readonly string[]>> = {
  'contract-imports-none-of-ours': ['contract/src/value.ts'],
  'rpc-imports-none-of-ours': ['rpc/src/peer.ts'],
  'sdk-imports-contract-and-rpc-only': ['sdk/src/client.ts'],
  'cli-imports-sdk-and-contract-only': ['cli/src/daemon-import.ts'],
  'cli-takes-types-from-contract': ['cli/src/schema-import.ts'],
  'daemon-does-not-import-clients': ['daemon/src/client-import.ts'],
  'services-see-driver-interfaces-only': ['daemon/src/services/driver-import.ts'],
  'services-see-host-types-only': ['daemon/src/services/host-import.ts'],
  'drivers-are-independent': ['daemon/src/drivers/disk/other-kind.ts'],
  'drivers-do-not-import-services': ['daemon/src/drivers/disk/service-import.ts'],
  'api-sees-driver-interfaces-only': ['daemon/src/api/driver-import.ts'],
  'host-is-the-bottom': ['daemon/src/host/looks-up.ts'],
  'only-host-spawns-processes': [
    'daemon/src/drivers/disk/spawns-execa.ts',
    'daemon/src/drivers/disk/spawns.ts',
  ],
  'domain-is-pure': ['daemon/src/domain/reads.ts'],
  'testkit-only-from-tests': ['daemon/src/testkit-import.ts'],
  'test-tools-only-from-tests': ['daemon/src/test-tool-import.ts'],
  'tests-are-not-imported': ['daemon/src/test-import.ts'],
  'no-cycles': ['daemon/src/domain/cycle-a.ts'],
  'no-orphans': ['daemon/src/domain/orphan.ts'],
  'no-unresolvable': ['daemon/src/domain/unresolvable.ts'],
};

const report = await cruiseImports(TREE, ['packages']);

test('every rule has a fixture that breaks it', () => {
  expect(report.rules.toSorted()).toEqual(Object.keys(VIOLATIONS).toSorted());
});

test.each(Object.entries(VIOLATIONS))(
  '%s is reported, by name, for the files that break it',
  (rule, files) => {
    const reported = report.violations.filter((violation) => violation.rule === rule).map(({ from }) => from);
    const own = reported.map((file) => file.replace(/^packages\//, '')).toSorted();
    expect([...new Set(own)]).toEqual(expect.arrayContaining([...files]));
  },
);

test('what the rules allow is not reported', () => {
  const good = ['packages/cli/src/allowed.ts', 'packages/daemon/src/services/list.ts'];
  expect(report.violations.filter(({ from }) => good.includes(from))).toEqual([]);
});
