import { expect, test } from 'vitest';
import { kernelChoiceSchema } from './kernel.ts';

test.each([
  [{ ref: 'debian-cloud' }, true],
  [{ from: '/boot/vmlinuz' }, true],
  [{ from: '/boot/vmlinuz', initrd: '/boot/initrd.img', modules: '/lib/modules/6.1' }, true],
  [{ ref: 'debian-cloud', from: '/boot/vmlinuz' }, false],
  [{ ref: 'debian-cloud', modules: '/lib/modules/6.1' }, false],
  [{ initrd: '/boot/initrd.img' }, false],
  [{}, false],
])('the choice %j of a kernel is one: %s', (choice, isOne) => {
  expect(kernelChoiceSchema.safeParse(choice).success).toBe(isOne);
});
