import { expect, test } from 'vitest';
import { parseOsRelease } from './distribution.ts';

test('the ids of a distribution and of those that it is like, in their order', () => {
  const text =
    'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nID_LIKE="debian other"\nHOME_URL=\'x\'\n# comment\n';
  expect(parseOsRelease(text)).toEqual({ ids: ['ubuntu', 'debian', 'other'], title: 'Ubuntu 24.04 LTS' });
});

test('a file that says nothing is an unknown Linux', () => {
  expect(parseOsRelease('')).toEqual({ ids: [], title: 'an unknown Linux' });
});
