import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { pumpOut } from './pump.ts';

/** A target that takes a chunk only when it is let. */
function slow(): { target: Writable; release: () => void } {
  const waiting: (() => void)[] = [];
  const target = new Writable({ write: (_chunk, _encoding, done) => void waiting.push(done) });
  return { target, release: () => waiting.shift()?.() };
}

test('output is copied when its target has all of it, however late that is', async () => {
  const { target, release } = slow();
  const source = new PassThrough();
  let copied = false;
  const copying = pumpOut(source, target, () => undefined).then(() => (copied = true));
  source.end('x');
  await once(source, 'close');
  await sleep(5);
  expect(copied).toBe(false);
  for (let turn = 0; turn < 3 && !copied; turn += 1) {
    release();
    await sleep(1);
  }
  await copying;
});

test('a source that goes away in the middle does not take what it gave before with it', async () => {
  const { target, release } = slow();
  const source = new PassThrough();
  let copied = false;
  const copying = pumpOut(source, target, () => undefined).then(() => (copied = true));
  source.write('x');
  await sleep(1);
  source.destroy();
  await sleep(5);
  expect(copied).toBe(false);
  release();
  await sleep(1);
  release();
  await copying;
});
