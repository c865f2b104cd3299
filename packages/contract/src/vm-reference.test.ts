import { expect, test } from 'vitest';
import { findVm, findWholeVm } from './vm-reference.ts';

const vms = [
  { id: '0a11', name: 'web' },
  { id: '0a22', name: 'webb' },
  { id: '0b33', name: 'db' },
  { id: '0c44', name: '0b' },
];
const find = (reference: string) => findVm(reference, vms, ({ name }) => name).id;
const findWhole = (reference: string) => findWholeVm(reference, vms, ({ name }) => name).id;

test.each([
  ['web', '0a11'],
  ['0a22', '0a22'],
  ['d', '0b33'],
  ['0a1', '0a11'],
  // A whole name comes before the beginning of an id.
  ['0b', '0c44'],
])('"%s" means %s', (reference, id) => {
  expect(find(reference)).toBe(id);
});

test.each(['', 'nope', 'webbb'])('"%s" means none', (reference) => {
  for (const by of [find, findWhole])
    expect(() => by(reference)).toThrow(expect.objectContaining({ code: 'vm_not_found' }));
});

test('several are named', () => {
  expect(() => find('we')).toThrow(
    expect.objectContaining({ code: 'name_ambiguous', details: { matches: ['web', 'webb'] } }),
  );
});

test('what loses something takes a whole name, or the beginning of an id', () => {
  expect([findWhole('web'), findWhole('0b33'), findWhole('0b3')]).toEqual(['0a11', '0b33', '0b33']);
  expect(() => findWhole('d')).toThrow(
    expect.objectContaining({ code: 'vm_not_found', hint: expect.stringContaining(': db') }),
  );
});
