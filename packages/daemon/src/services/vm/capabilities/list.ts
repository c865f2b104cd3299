import type { Capability } from './capability.ts';
import { rootDisk, workDisk } from './disks.ts';
import { kernelModules } from './modules.ts';
import { network } from './network.ts';

/** What a VM is made of, in the order in which the machine gets its parts: the first disk is the guest's first. */
export const capabilities: readonly Capability[] = [rootDisk, workDisk, kernelModules, network];

/** The same in the order in which changes are applied: what can be taken back is first, a disk, which cannot, is last. */
export const inOrderOfChange: readonly Capability[] = capabilities.toReversed();
