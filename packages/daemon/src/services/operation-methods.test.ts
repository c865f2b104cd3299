import { methods, type MethodName } from '@banger/contract/methods';
import { expect, test } from 'vitest';
import { isOperation } from './operation-methods.ts';

test('a call that only promises a byte stream is no operation: what it begins is counted as that stream', () => {
  const promising = (Object.keys(methods) as MethodName[]).filter(
    (name) => 'shape' in methods[name].result && 'stream' in methods[name].result.shape,
  );
  expect(promising).toEqual(expect.arrayContaining(['vm.copyIn', 'vm.copyOut', 'vm.exec', 'vm.logs']));
  expect(promising.filter(isOperation)).toEqual([]);
});
