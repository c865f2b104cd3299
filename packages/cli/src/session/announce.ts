import type { VmPlan } from '@banger/contract/vm';
import type { Reporter } from '../progress/reporter.ts';
import { specText } from '../render/vm-text.ts';

/** Tells exactly what will be made before any of it begins. What is fetched first is told by the daemon as it happens. */
export function announcePlan({ spec, vmm }: VmPlan, reporter: Reporter): void {
  reporter.notice(`spec: ${specText(spec, vmm)}`);
}
