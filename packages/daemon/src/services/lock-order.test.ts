import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inBackground } from './background.ts';
import { lockOrder, underLock } from './lock-order.ts';
import { VmLocks } from './vm/locks.ts';
import pino from 'pino';

test('docs/architecture.md lists these locks, in this order', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs/architecture.md'), 'utf8');
  const section = /^## Locks$([^]*?)^## /m.exec(text)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| (\d+) +\| ([^|,(]+?) *[|,(]/gm)];
  expect(rows.map(([, order, name]) => [Number(order), name])).toEqual(
    lockOrder.map((name, index) => [index + 1, name]),
  );
});

test('every two locks can be taken in their order, and in no other', async () => {
  for (const [outer, first] of lockOrder.entries())
    for (const [inner, second] of lockOrder.entries()) {
      const both = underLock(first, 'a', () => underLock(second, 'b', async () => 'both'));
      if (inner > outer) expect(await both).toBe('both');
      else
        await expect(both).rejects.toMatchObject({
          code: 'internal',
          message: `The ${second} of b was asked for under the ${first} of a.`,
        });
    }
});

test('one after the other they can be taken in any order', async () => {
  for (const lock of lockOrder.toReversed()) await underLock(lock, 'a', async () => undefined);
});

test('a call that asks for the lock of a VM which it has is refused rather than left to wait for itself', async () => {
  const locks = new VmLocks();
  for (const id of ['a', 'b'])
    await expect(locks.hold('a', {}, () => locks.hold(id, {}, async () => undefined))).rejects.toMatchObject({
      code: 'internal',
      message: `The VM lock of ${id} was asked for under the VM lock of a.`,
    });
  expect(locks.isBusy('a')).toBe(false);
});

test('what a call leaves behind it has none of its locks', async () => {
  const locks = new VmLocks();
  const { promise, resolve } = Promise.withResolvers<void>();
  await locks.hold('a', {}, async () =>
    inBackground(pino({ level: 'silent' }), 'a test', () => locks.hold('a', {}, async () => resolve())),
  );
  await promise;
});
