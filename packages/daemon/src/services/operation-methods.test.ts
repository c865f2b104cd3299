import { methods, type MethodName } from '@banger/contract/methods';
import { expect, test } from 'vitest';
import { isLook, isOperation } from './operation-methods.ts';

const names = Object.keys(methods) as MethodName[];

test('a call that promises a byte stream is one that looks, or is counted as that stream', () => {
  const promising = names.filter(
    (name) => 'shape' in methods[name].result && 'stream' in methods[name].result.shape,
  );
  expect(promising).toEqual(expect.arrayContaining(['vm.copyIn', 'vm.copyOut', 'vm.exec', 'vm.logs']));
  expect(promising.filter(isOperation)).toEqual([]);
  expect(promising.filter((name) => methods[name].kind !== 'stream').filter((name) => !isLook(name))).toEqual(
    [],
  );
  const streams = names.filter((name) => methods[name].kind === 'stream');
  expect(streams.filter((name) => !promising.includes(name))).toEqual([]);
});

test('what changes a VM is an operation', () => {
  for (const name of ['vm.create', 'vm.start', 'vm.set', 'vm.delete', 'image.pull'])
    expect(isOperation(name)).toBe(true);
});
