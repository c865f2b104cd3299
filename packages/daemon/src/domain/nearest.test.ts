import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const known = ['log_level', 'vm_defaults', 'memory_mib', 'vcpu'];

test.each([
  ['loglevel', 'log_level'],
  ['vm_default', 'vm_defaults'],
  ['memory', 'memory_mib'],
  ['vcpus', 'vcpu'],
  ['cpu', 'vcpu'],
])('%s stands for %s', (word, meant) => {
  expect(nearest(word, known)).toBe(meant);
});

test.each(['', 'firecracker_bin', 'x'.repeat(100_000)])('%.20s is like none', (word) => {
  expect(nearest(word, known)).toBeUndefined();
});
