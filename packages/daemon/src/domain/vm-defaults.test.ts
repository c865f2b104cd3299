import { expect, test } from 'vitest';
import { checkSpecLimits } from './limits.ts';
import { defaultMemoryMib, defaultVcpu, resolveSpec } from './vm-defaults.ts';

const GIB = 1024 ** 3;
const image = { kernel: 'k', minRootBytes: GIB };
const resolve = (wish: Parameters<typeof resolveSpec>[0], cpus = 8, memoryMib = 16_384) =>
  resolveSpec(wish, { cpus, memoryMib }, image, () => 0);

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
    memoryMib: 2048,
    image: 'debian-bookworm',
    kernel: 'k',
    outbound: true,
  });
  expect(origins).toMatchObject({
    name: 'flag',
    vcpu: 'flag',
    memoryMib: 'host',
    kernel: 'image',
    diskBytes: 'default',
  });
});

test('without a network nothing is outbound, whatever was asked', () => {
  expect(resolve({ network: 'none', outbound: true }).spec.outbound).toBe(false);
});

test('a root disk is never smaller than its image by default', () => {
  const large = { kernel: 'k', minRootBytes: 20 * GIB };
  expect(resolveSpec({}, { cpus: 1, memoryMib: 1024 }, large, () => 0).spec.rootBytes).toBe(20 * GIB);
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
