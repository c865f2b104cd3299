import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepListening } from './kept-socket.ts';
import { listenOnUnixSocket, type UnixServer } from './unix-server.ts';

/** Whoever only looks whether somebody listens is gone before it is read. */
const greet = (socket: Socket): void => void socket.on('error', () => undefined).end('hello');

let root: string;
let run: string;
let path: string;
let clock: FakeClock;
let server: Pick<UnixServer, 'close'>;
let told: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'banger-kept-'));
  run = join(root, 'run');
  path = join(run, 's');
  mkdirSync(run, { mode: 0o700 });
  clock = new FakeClock();
  told = [];
  server = await keepListening(
    { path, onConnection: greet },
    { clock, back: () => told.push('back'), missing: () => told.push('missing') },
  );
});
afterEach(async () => {
  await server.close();
  expect(existsSync(path)).toBe(false);
  rmSync(root, { recursive: true });
});

async function answers(): Promise<boolean> {
  const socket = connect({ path });
  try {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.toString() === 'hello';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Lets the socket be looked for until something is told of it. */
async function lookUntilTold(): Promise<void> {
  const before = told.length;
  for (const end = Date.now() + 5_000; told.length === before && Date.now() < end;) {
    await clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a socket that was removed is there again, with its directory', async () => {
  const connected = connect({ path });
  await once(connected, 'data');
  rmSync(run, { recursive: true });
  await lookUntilTold();
  expect(told).toEqual(['back']);
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  expect(lstatSync(run).mode & 0o777).toBe(0o700);
  expect(await answers()).toBe(true);
  connected.destroy();
});

test('one that is there stays the same', async () => {
  const { ino } = lstatSync(path);
  await clock.advance(10_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(lstatSync(path).ino).toBe(ino);
  expect(told).toEqual([]);
});

test('one that cannot be made again is told of once, and comes when it can', async () => {
  rmSync(run, { recursive: true });
  symlinkSync(root, run);
  await lookUntilTold();
  await clock.advance(5_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told).toEqual(['missing']);
  rmSync(run);
  await lookUntilTold();
  expect(told).toEqual(['missing', 'back']);
  expect(await answers()).toBe(true);
});

test('where somebody else listens nothing of theirs is touched, while they are there', async () => {
  rmSync(path);
  const other = await listenOnUnixSocket({ path, onConnection: greet });
  const { ino } = lstatSync(path);
  await lookUntilTold();
  expect(told).toEqual(['missing']);
  expect(lstatSync(path).ino).toBe(ino);
  await other.close();
  await lookUntilTold();
  expect(told).toEqual(['missing', 'back']);
});
