import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from './database.ts';
import { DATABASE_FILE, openState } from './open-state.ts';
import { StatePlace } from './state-place.ts';

let root: string;
let state: string;
let database: Database;
let place: StatePlace;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-place-'));
  state = join(root, 'state');
  mkdirSync(state);
  database = openState(state);
  place = new StatePlace(join(state, DATABASE_FILE));
});
afterEach(() => {
  database.close();
  rmSync(root, { recursive: true });
});

const lost = expect.objectContaining({ code: 'state_lost' }) as Error;

test('a state that only changes, or whose directory was away, is the same', () => {
  database.run("INSERT INTO ledger (vm_id, kind, resource, made_at) VALUES ('a', 'vmm', '{}', 1)");
  expect(place.isLost).toBe(false);
  renameSync(state, `${state}.away`);
  expect(place.isLost).toBe(true);
  renameSync(`${state}.away`, state);
  expect(place.isLost).toBe(false);
  place.check();
});

test('one that was deleted is lost, and so it is when another daemon has made one anew', () => {
  rmSync(state, { recursive: true });
  expect(place.isLost).toBe(true);
  expect(() => place.check()).toThrow(lost);
  mkdirSync(state);
  const other = openState(state);
  expect(place.isLost).toBe(true);
  expect(() => place.check()).toThrow(lost);
  other.close();
  expect(new StatePlace(join(state, DATABASE_FILE)).isLost).toBe(false);
});

test('the end of its database takes nothing of the other one', () => {
  rmSync(state, { recursive: true });
  mkdirSync(state);
  const other = openState(state);
  other.run("INSERT INTO ledger (vm_id, kind, resource, made_at) VALUES ('b', 'vmm', '{}', 1)");
  database.close();
  expect(other.all('SELECT vm_id FROM ledger')).toEqual([{ vm_id: 'b' }]);
  other.close();
  const again = openState(state);
  expect(again.all('SELECT vm_id FROM ledger')).toEqual([{ vm_id: 'b' }]);
  again.close();
});

test('one that cannot be looked at is not known to be lost, and nothing is removed for it', () => {
  rmSync(state, { recursive: true });
  symlinkSync('state', state);
  expect(place.isLost).toBe(false);
  expect(() => place.check()).toThrow(lost);
});
