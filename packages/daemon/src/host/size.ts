import { availableParallelism, totalmem } from 'node:os';
import type { HostSize } from '../domain/vm-defaults.ts';

/** CPUs that this process may use, and the host's memory. */
export function hostSize(): HostSize {
  return { cpus: availableParallelism(), memoryMib: Math.floor(totalmem() / 1024 ** 2) };
}
