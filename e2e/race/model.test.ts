import { expect, test } from 'vitest';
import { restsAfter, type Done, type Meaning } from './model.ts';

const meanings = {
  create: { does: { absent: ['running'] }, mayLeave: ['absent', 'stopped'] },
  stop: { does: { running: ['stopped'], stopped: ['stopped'] } },
  delete: { does: { running: ['absent'], stopped: ['absent'], absent: ['absent'] } },
} as const satisfies Readonly<Record<string, Meaning>>;
type Verb = keyof typeof meanings;

const done = (verb: Verb, begun: number, ended: number, ok = true): Done<Verb> => ({
  verb,
  ok,
  begun,
  ended,
});
const rests = (...clients: Done<Verb>[][]): string[] =>
  [...restsAfter(clients, meanings, 'absent')].toSorted();

test('what comes one after the other leads to one end', () => {
  expect(rests([done('create', 0, 1), done('stop', 2, 3)])).toEqual(['stopped']);
  expect(rests([done('create', 0, 1)], [done('delete', 2, 3)])).toEqual(['absent']);
});

test('what overlaps may have been in either order', () => {
  expect(rests([done('create', 0, 3)], [done('delete', 1, 2)])).toEqual(['absent', 'running']);
});

test('what cannot have been so leads nowhere', () => {
  expect(rests([done('create', 0, 1)], [done('create', 2, 3)])).toEqual([]);
  expect(rests([done('stop', 0, 1)], [done('create', 2, 3)])).toEqual([]);
});

test('one that was given up may have done some of it', () => {
  expect(rests([done('create', 0, 1, false)])).toEqual(['absent', 'stopped']);
});
