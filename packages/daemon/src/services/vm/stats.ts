import type { VmStats } from '@banger/contract/guest';
import type { VmRow } from '../../domain/vm-row.ts';
import type { RunningVmm } from '../../drivers/vmm/driver.ts';
import type { Clock } from '../../host/clock.ts';
import type { VmDeps } from './deps.ts';
import { diskUse } from './disk-use.ts';
import { guestStats } from './guest-stats.ts';
import { notRunning } from './reachable.ts';

/** Between the two reads that CPU time comes from: fifty of the kernel's clock ticks, so a share is right to 2 %. */
const SAMPLE_MS = 500;

/** Figures of a VM whose VMM runs, over a short while. The host's are there also when the guest's are not. */
export async function sampleVm(deps: VmDeps, row: VmRow, signal: AbortSignal): Promise<VmStats> {
  const live = deps.live.get(row.id);
  if (live === undefined) throw notRunning(row);
  const files = deps.layout.vm(row.id);
  const pause = (): Promise<void> => deps.clock.sleep(SAMPLE_MS, signal);
  const [usage, told, root, work] = await Promise.all([
    usageOver(deps.clock, live.vmm, pause),
    guestStats(live, row.spec.vcpu, pause, signal),
    deps.disks.usedBytes(files.rootDisk),
    deps.disks.usedBytes(files.workDisk),
  ]);
  const disks = [
    diskUse({ disk: 'root', usedBytes: root, sizeBytes: row.spec.rootBytes }, told.guest),
    diskUse({ disk: 'work', usedBytes: work, sizeBytes: row.spec.diskBytes }, told.guest),
  ];
  return { id: row.id, name: row.spec.name, host: { ...usage, disks }, ...told };
}

/** What a VMM takes over the while that `pause` lasts. */
async function usageOver(
  clock: Clock,
  vmm: RunningVmm,
  pause: () => Promise<void>,
): Promise<Pick<VmStats['host'], 'cpus' | 'residentBytes'>> {
  const from = clock.monotonic();
  const before = await vmm.usage();
  await pause();
  const after = await vmm.usage();
  const passed = clock.monotonic() - from;
  return { cpus: Math.max(0, after.cpuMs - before.cpuMs) / passed, residentBytes: after.residentBytes };
}
