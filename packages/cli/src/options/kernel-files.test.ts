import { expect, test } from 'vitest';
import { kernelChoice, kernelFiles } from './kernel-files.ts';

const cwd = '/home/me';

test('paths become absolute', () => {
  expect(kernelFiles('bzImage', { initrd: '../initrd', modules: '/lib/modules/6.1' }, cwd)).toEqual({
    from: '/home/me/bzImage',
    initrd: '/home/initrd',
    modules: '/lib/modules/6.1',
  });
});

test('a kernel is chosen by name, by files, or not at all', () => {
  expect(kernelChoice({ kernelRef: 'debian-cloud' }, cwd)).toEqual({ ref: 'debian-cloud' });
  expect(kernelChoice({ kernel: 'bzImage', modules: 'm' }, cwd)).toEqual({
    from: '/home/me/bzImage',
    modules: '/home/me/m',
  });
  expect(kernelChoice({}, cwd)).toBeUndefined();
});

test.each([
  [{ kernelRef: 'debian-cloud', kernel: 'bzImage' }, '--kernel-ref and --kernel cannot go together.'],
  [{ kernelRef: 'debian-cloud', initrd: 'i' }, '--kernel-ref and --initrd cannot go together.'],
  [{ initrd: 'i' }, '--initrd needs --kernel.'],
  [{ modules: 'm' }, '--modules needs --kernel.'],
])('%j is refused', (options, message) => {
  expect(() => kernelChoice(options, cwd)).toThrow(
    expect.objectContaining({ code: 'usage', message }) as Error,
  );
});
