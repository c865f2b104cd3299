import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { listenOnUnixSocket, type UnixServer } from '@banger/testkit/unix-server';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import type { GuestSession, GuestTarget } from './driver.ts';
import { FakeGuest } from './fake/fake-guest.ts';
import { encodeFrameHeader, FrameType } from './frame.ts';
import { createGuestDriver } from './unix-channel.ts';

const HELLO_BYTES = 64;
/** Other tests may keep both cores busy meanwhile. */
const PATIENCE = { timeout: 5_000 };

let directory: string;
let target: GuestTarget;
let guest: FakeGuest;
let server: UnixServer | undefined;
let connections: Socket[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banger-channel-'));
  target = { kind: 'unix', path: join(directory, 'channel'), key: randomBytes(32) };
  guest = new FakeGuest({
    commands: {
      hello: async ({ stdout }) => {
        stdout.write('hello');
        return { status: 0 };
      },
    },
  });
  connections = [];
});
afterEach(async () => {
  guest.close();
  await server?.close();
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function listen(onConnection = (socket: Socket): void => guest.connect(socket)): Promise<void> {
  server = await listenOnUnixSocket(target.path, (socket) => {
    connections.push(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
}

const connect = (deadlineMs = 5_000): Promise<GuestSession> =>
  createGuestDriver().connect(target, { deadlineMs });

async function run(session: GuestSession): Promise<string> {
  const exec = await session.exec({ argv: ['hello'] });
  exec.stderr.resume();
  const [stdout] = await Promise.all([text(exec.stdout), exec.exit]);
  return stdout;
}

test('a socket that never opens is the probe agent channel', async () => {
  await expect(connect(120)).rejects.toMatchObject({
    code: 'agent_not_ready',
    message: 'The guest agent could not be reached within 0.12 s.',
    details: { probe: 'agent channel' },
    cause: { code: 'ENOENT' },
  });
});

test('an agent that never answers is the probe agent hello', async () => {
  guest.silent = true;
  await listen();
  await expect(connect(120)).rejects.toMatchObject({
    code: 'agent_not_ready',
    details: { probe: 'agent hello' },
  });
  await expect.poll(() => connections.map(({ destroyed }) => destroyed), PATIENCE).toEqual([true]);
});

test('a socket that appears later, and closes at first, is waited for', async () => {
  const connecting = connect();
  await systemClock.sleep(80);
  await listen((socket) => {
    if (connections.length < 3) socket.destroy();
    else guest.connect(socket);
  });
  expect(await run(await connecting)).toBe('hello');
});

test('hello is said again each second until it is answered', async () => {
  const clock = new FakeClock();
  let received = 0;
  await listen((socket) => {
    socket.on('data', (chunk) => (received += chunk.length));
  });
  const abort = new AbortController();
  const connecting = createGuestDriver(clock).connect(target, { deadlineMs: 60_000, signal: abort.signal });
  for (const hellos of [1, 2, 3]) {
    await expect.poll(() => received, PATIENCE).toBe(hellos * HELLO_BYTES);
    await clock.advance(1_000);
  }
  abort.abort();
  await expect(connecting).rejects.toMatchObject({ code: 'cancelled' });
  await expect.poll(() => connections.map(({ destroyed }) => destroyed), PATIENCE).toEqual([true]);
  expect(clock.sleeping).toBe(0);
});

test('a signal that fired before connects to nothing', async () => {
  await listen();
  const connecting = createGuestDriver().connect(target, { deadlineMs: 5_000, signal: AbortSignal.abort() });
  await expect(connecting).rejects.toMatchObject({ code: 'cancelled' });
  expect(connections).toEqual([]);
});

test('an agent may answer twice', async () => {
  guest.answersTwice = true;
  await listen();
  expect(await run(await connect())).toBe('hello');
  expect(guest.violations).toEqual([]);
});

test('what was begun while nobody was connected is discarded', async () => {
  guest.inject(Buffer.concat([encodeFrameHeader(FrameType.data, 0, 1, 100), Buffer.alloc(50, 'old')]));
  guest.inject(Buffer.from('banger-agent-v1\nanother nonce...\0\0\0\0'));
  await listen();
  expect(await run(await connect())).toBe('hello');
});

test('a malformed answer is agent_protocol at once', async () => {
  await listen((socket) => {
    socket.on('data', (hello) => {
      const nonce = hello.subarray(HELLO_BYTES - 16, HELLO_BYTES);
      socket.write(Buffer.concat([Buffer.from('banger-agent-v1\n'), nonce, Buffer.alloc(4, 255)]));
    });
  });
  await expect(connect()).rejects.toMatchObject({ code: 'agent_protocol' });
});

test('a guest that dies in mid-stream ends the session and what it did', async () => {
  await listen();
  const session = await connect();
  const exec = session.exec({ argv: ['hello'] });
  guest.hangUp();
  await expect(exec).rejects.toMatchObject({ code: 'agent_lost' });
  expect(await session.closed).toMatchObject({ code: 'agent_lost' });
});

test('noise of a guest ends the session with what was wrong', async () => {
  await listen();
  const session = await connect();
  guest.inject(Buffer.from('this is no frame'));
  expect(await session.closed).toMatchObject({
    code: 'agent_protocol',
    message: 'The guest sent a frame of version 116.',
  });
});
