import type { VmWish } from '@banger/contract/vm';
import { expect, test } from 'vitest';
import { checkSpecLimits } from './limits.ts';
import { defaultMemoryMib, defaultVcpu, resolveSpec, type VmDefaults } from './vm-defaults.ts';

const GIB = 1024 ** 3;
const image = { kernel: 'k', minRootBytes: GIB };
const defaults: VmDefaults = {
  image: { value: 'debian-bookworm', origin: 'default' },
  vcpu: { value: 2, origin: 'host' },
  memoryMib: { value: 4096, origin: 'config' },
  diskBytes: { value: 8 * GIB, origin: 'default' },
  rootBytes: { value: 8 * GIB, origin: 'config' },
};
const resolve = (wish: VmWish, of = image) => resolveSpec(wish, defaults, of, () => 0);

test.each([
  [1, 1],
  [4, 1],
  [8, 2],
  [64, 4],
])('of %i CPUs a VM gets %i', (cpus, vcpu) => {
  expect(defaultVcpu({ cpus, memoryMib: 0 })).toBe(vcpu);
});

test.each([
  [1024, 512],
  [16_384, 2048],
  [1_048_576, 8192],
])('of %i MiB a VM gets %i', (memoryMib, mib) => {
  expect(defaultMemoryMib({ cpus: 1, memoryMib })).toBe(mib);
});

test('a flag wins, and every value says where it came from', () => {
  const { spec, origins } = resolve({ vcpu: 3, name: 'box' });
  expect(spec).toMatchObject({
    name: 'box',
    vcpu: 3,
    memoryMib: 4096,
    image: 'debian-bookworm',
    kernel: 'k',
    outbound: true,
  });
  expect(origins).toMatchObject({
    name: 'flag',
    vcpu: 'flag',
    memoryMib: 'config',
    kernel: 'image',
    diskBytes: 'default',
    rootBytes: 'config',
  });
});

test('without a network nothing is outbound, whatever was asked', () => {
  expect(resolve({ network: 'none', outbound: true }).spec.outbound).toBe(false);
});

test('a root disk is never smaller than its image by default; what a flag says stands, for the one who makes it to refuse', () => {
  const large = { kernel: 'k', minRootBytes: 20 * GIB };
  expect(resolve({}, large)).toMatchObject({
    spec: { rootBytes: 20 * GIB },
    origins: { rootBytes: 'image' },
  });
  expect(resolve({ rootBytes: GIB }, large)).toMatchObject({
    spec: { rootBytes: GIB },
    origins: { rootBytes: 'flag' },
  });
});

test.each([
  { vcpu: 0 },
  { vcpu: -1 },
  { vcpu: 1.5 },
  { vcpu: Number.NaN },
  { memoryMib: 0 },
  { memoryMib: 2 ** 40 },
  { diskBytes: 0 },
  { diskBytes: 2 ** 60 },
  { rootBytes: 1 },
])('%o is refused with the value and what is allowed', (wish) => {
  expect(() => checkSpecLimits(wish)).toThrow(expect.objectContaining({ code: 'invalid_argument' }) as Error);
  expect(() => checkSpecLimits(wish)).toThrow(/it must be from .+ to /);
});
