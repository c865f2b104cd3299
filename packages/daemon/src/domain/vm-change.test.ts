import type { VmSpec } from '@banger/contract/vm';
import { describe, expect, test } from 'vitest';
import { changedKeys, changedSpec } from './vm-change.ts';

const GIB = 1024 ** 3;
const spec: VmSpec = {
  ...{ name: 'box', image: 'debian', kernel: 'debian', vcpu: 1, memoryMib: 512, env: [] },
  ...{ diskBytes: 8 * GIB, rootBytes: 8 * GIB, network: 'user', outbound: true },
};

describe('a changed spec', () => {
  test('has what was said and keeps the rest', () => {
    const after = changedSpec(spec, { vcpu: 4, diskBytes: 9 * GIB });
    expect(after).toEqual({ ...spec, vcpu: 4, diskBytes: 9 * GIB });
    expect(changedKeys(spec, after)).toEqual(['vcpu', 'diskBytes']);
    expect(changedKeys(spec, changedSpec(spec, { vcpu: 1, network: 'user' }))).toEqual([]);
  });

  test.each([
    ['diskBytes', 'work disk'],
    ['rootBytes', 'root disk'],
  ] as const)('never has a smaller %s, and says both figures', (key, name) => {
    expect(() => changedSpec(spec, { [key]: GIB })).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: `The ${name} has 8G and cannot shrink to 1G.`,
      }),
    );
  });

  test('loses the way out with its network and gets it with one, unless told otherwise', () => {
    const none = changedSpec(spec, { network: 'none' });
    expect(none).toMatchObject({ network: 'none', outbound: false });
    expect(changedSpec(none, { network: 'user' })).toMatchObject({ network: 'user', outbound: true });
    expect(changedSpec(none, { network: 'user', outbound: false })).toMatchObject({ outbound: false });
    const closed = changedSpec(spec, { outbound: false });
    expect(changedSpec(closed, { network: 'user' })).toMatchObject({ outbound: false });
  });
});
