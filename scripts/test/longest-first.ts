import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const ROOT = join(import.meta.dirname, '../..');

/**
 * The test files that take longest, longest first. A clean clone has no times of an earlier run, by which vitest would order them: a long
 * file that begins last is waited for with all cores but one idle.
 */
export const LONGEST: readonly string[] = [
  // Of those that boot VMs.
  'e2e/faults/interrupts.test.ts',
  'e2e/kernel/kernel.test.ts',
  'e2e/product/systemd.test.ts',
  'e2e/faults/room.test.ts',
  'e2e/soak/writes.test.ts',
  'e2e/product/lifecycle.test.ts',
  'e2e/faults/guest.test.ts',
  'e2e/vmm/qemu-driver.test.ts',
  'e2e/faults/state.test.ts',
  'e2e/crash/daemon-killed.test.ts',
  'e2e/product/copy.test.ts',
  'e2e/kernel/containers.test.ts',
  'e2e/product/set.test.ts',
  'e2e/image/makers.test.ts',
  'e2e/soak/leaks.test.ts',
  'e2e/faults/gc.test.ts',
  'e2e/faults/agent.test.ts',
  // Of the unit tests.
  'packages/daemon/src/services/vm/crash/crash.test.ts',
  'packages/daemon/src/drivers/image/oci/convert-image.test.ts',
  'packages/daemon/src/drivers/disk/qcow2/disks.test.ts',
  'packages/daemon/src/drivers/guest/contract/agent.test.ts',
  'packages/daemon/src/drivers/image/ext4/large.test.ts',
  'packages/daemon/src/drivers/image/ext4/random-tree.test.ts',
  'packages/daemon/src/services/vm/race/race.test.ts',
  'packages/daemon/src/services/vm/cancelled.test.ts',
  'scripts/test/run-stage.test.ts',
];

/** Test files in the order of `LONGEST`, then the others as vitest orders them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.indexOf(relative(ROOT, moduleId));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}
