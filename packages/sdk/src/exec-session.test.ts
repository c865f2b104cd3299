import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameKind } from '@banger/contract/stream-frames';
import type { Handler } from '@banger/rpc/handler';
import { describe, expect, test } from 'vitest';
import type { BangerClient } from './client.ts';
import { connectRunning } from './connect.ts';
import { TestDaemon, TestHome, framed, until } from './test-daemon.suite.ts';

const params = { vm: 'box', argv: ['true'], env: [] };

/** A client of a daemon whose commands are the given function, and what it was told of signals and sizes. */
async function withDaemon(
  command: (stream: Duplex) => unknown,
  use: (client: BangerClient, told: unknown[]) => Promise<void>,
): Promise<void> {
  using place = new TestHome();
  mkdirSync(place.paths.run);
  const told: unknown[] = [];
  const note: Handler = (given, { method }) => Promise.resolve(told.push([method, given])).then(() => ({}));
  await using daemon = await TestDaemon.listen(place.paths.socket, {
    'vm.exec': () =>
      Promise.resolve({ stream: daemon.streams.offer((raw) => void command(raw)), session: 's', pid: 7 }),
    'events.watch': () => Promise.resolve({ stream: daemon.streams.offer((raw) => void command(raw)) }),
    'vm.logs': () => Promise.resolve({ stream: daemon.streams.offer((raw) => void command(raw)) }),
    'exec.signal': note,
    'exec.resize': note,
  });
  const client = await connectRunning(place.options());
  if (client === undefined) throw new Error('no daemon');
  await use(client, told);
  client.close();
  await until(() => daemon.peers.size === 0);
}

/** A handler that has nothing more to do than to see the client leave. */
function leave(raw: Duplex): void {
  raw.on('error', () => undefined);
  raw.resume().on('end', () => raw.end());
}

const end = (status: number) => ({ kind: frameKind.exit, payload: Buffer.from(JSON.stringify({ status })) });
const text = async (readable: Readable): Promise<string> =>
  Buffer.concat(await readable.toArray()).toString();

describe('a session', () => {
  test('has its outputs apart, and its end', async () => {
    const command = (raw: Duplex): void => {
      const { write } = framed(raw);
      write.write({ kind: frameKind.stdout, payload: Buffer.from('out\n') });
      write.write({ kind: frameKind.stderr, payload: Buffer.from('err\n') });
      write.end(end(42));
    };
    await withDaemon(command, async (client) => {
      const session = await client.exec(params);
      expect([session.pid, session.session]).toEqual([7, 's']);
      expect(await Promise.all([text(session.stdout), text(session.stderr), session.exit])).toEqual([
        'out\n',
        'err\n',
        { status: 42 },
      ]);
      await once(session.stdin, 'close');
    });
  });

  test('passes input on, its end as an empty frame, and an empty chunk as nothing', async () => {
    const got: number[] = [];
    const command = async (raw: Duplex): Promise<void> => {
      const { write, frames } = framed(raw);
      for await (const { payload } of frames) {
        got.push(payload.length);
        if (payload.length === 0) write.end(end(0));
      }
    };
    await withDaemon(command, async (client) => {
      const session = await client.exec(params);
      session.stdin.write('abc');
      session.stdin.write(Buffer.alloc(0));
      session.stdin.write(Buffer.alloc(70_000));
      session.stdin.end();
      session.stdout.resume();
      session.stderr.resume();
      await session.exit;
      expect(got).toEqual([3, 65_536, 70_000 - 65_536, 0]);
    });
  });

  test('sends signals and sizes by its name', async () => {
    await withDaemon(leave, async (client, told) => {
      const session = await client.exec(params);
      await session.signal(15);
      await session.resize({ rows: 24, columns: 80 });
      expect(told).toEqual([
        ['exec.signal', { session: 's', signal: 15 }],
        ['exec.resize', { session: 's', rows: 24, columns: 80 }],
      ]);
      session.close();
    });
  });

  test('carries megabytes there and back', async () => {
    const echo = async (raw: Duplex): Promise<void> => {
      const { write, frames } = framed(raw);
      for await (const { payload } of frames) {
        if (payload.length === 0) write.end(end(0));
        else if (!write.write({ kind: frameKind.stdout, payload })) await once(write, 'drain');
      }
    };
    await withDaemon(echo, async (client) => {
      const session = await client.exec(params);
      const block = randomBytes(1 << 20);
      const sent = createHash('sha256');
      const writing = (async () => {
        for (let count = 0; count < 16; count += 1) {
          sent.update(block);
          if (!session.stdin.write(block)) await once(session.stdin, 'drain');
        }
        session.stdin.end();
      })();
      const got = createHash('sha256');
      session.stderr.resume();
      for await (const chunk of session.stdout) got.update(chunk as Buffer);
      await writing;
      expect(got.digest('hex')).toBe(sent.digest('hex'));
      expect(await session.exit).toEqual({ status: 0 });
    });
  });

  test('holds the command back when its output is not read', async () => {
    let sent = 0;
    const flood = async (raw: Duplex): Promise<void> => {
      const { write } = framed(raw);
      while (!raw.destroyed) {
        sent += 1;
        if (!write.write({ kind: frameKind.stdout, payload: Buffer.alloc(65_536) }))
          await Promise.race([once(write, 'drain'), once(raw, 'close')]).catch(() => undefined);
      }
    };
    await withDaemon(flood, async (client) => {
      const session = await client.exec(params);
      // A flood that is not held back never rests, and runs into the time-out.
      for (let before = -1; before !== sent;) {
        before = sent;
        await sleep(50);
      }
      session.close();
      await expect(session.exit).rejects.toMatchObject({ code: 'cancelled' });
    });
  });

  test('an output that was given up does not hold the other one up', async () => {
    const command = (raw: Duplex): void => {
      const { write } = framed(raw);
      for (let count = 0; count < 10; count += 1)
        write.write({ kind: frameKind.stderr, payload: Buffer.alloc(65_536) });
      write.write({ kind: frameKind.stdout, payload: Buffer.from('end') });
      write.end(end(0));
    };
    await withDaemon(command, async (client) => {
      const session = await client.exec(params);
      setTimeout(() => session.stderr.destroy(), 5);
      expect(await text(session.stdout)).toBe('end');
      expect(await session.exit).toEqual({ status: 0 });
    });
  });
});

describe('a session that breaks', () => {
  test.each([
    ['ends', (raw: Duplex) => void raw.end(), 'daemon_unreachable'],
    ['is cut off', (raw: Duplex) => void raw.destroy(), 'daemon_unreachable'],
    ['ends inside a frame', (raw: Duplex) => void raw.end(Buffer.from([1, 0, 0])), 'protocol_error'],
    ['has an unknown frame', (raw: Duplex) => void raw.write(Buffer.from([9, 0, 0, 0, 0])), 'protocol_error'],
    [
      'has input from the daemon',
      (raw: Duplex) => void raw.write(Buffer.from([0, 0, 0, 0, 0])),
      'protocol_error',
    ],
    [
      'has no end in its last frame',
      (raw: Duplex) => void raw.write(Buffer.from([3, 0, 0, 0, 0])),
      'protocol_error',
    ],
  ])('because it %s says so, after the output that came before', async (_name, breaks, code) => {
    const command = async (raw: Duplex): Promise<void> => {
      leave(raw);
      raw.write(Buffer.from([1, 0, 0, 0, 2, 0x61, 0x62]));
      await sleep(5);
      breaks(raw);
    };
    await withDaemon(command, async (client) => {
      const session = await client.exec(params);
      const [chunk] = (await once(session.stdout, 'data')) as [Buffer];
      expect(chunk.toString()).toBe('ab');
      await expect(session.exit).rejects.toMatchObject({ code });
      await until(() => session.stdin.destroyed && session.stdout.destroyed && session.stderr.destroyed);
    });
  });

  test('closed by us is cancelled, and the daemon sees us leave', async () => {
    let left = false;
    const command = (raw: Duplex): void => {
      raw.on('close', () => (left = true));
      leave(raw);
    };
    await withDaemon(command, async (client) => {
      const session = await client.exec(params);
      session.close();
      session.close();
      await expect(session.exit).rejects.toMatchObject({ code: 'cancelled' });
      await until(() => left);
    });
  });

  test('goes with its client', async () => {
    await withDaemon(leave, async (client) => {
      const session = await client.exec(params);
      client.close();
      await expect(session.exit).rejects.toMatchObject({ code: 'daemon_unreachable' });
    });
  });

  test('whose token nobody knows is an error of the daemon', async () => {
    using place = new TestHome();
    mkdirSync(place.paths.run);
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'vm.exec': () => Promise.resolve({ stream: 'unknown', session: 's', pid: 7 }),
    });
    const client = await connectRunning(place.options());
    await expect(client?.exec(params)).rejects.toMatchObject({ code: 'invalid_argument' });
    client?.close();
  });
});

describe('a console, or events', () => {
  test('is its bytes until the end', async () => {
    const command = (raw: Duplex): void => {
      const { write } = framed(raw);
      write.write({ kind: frameKind.stdout, payload: Buffer.from('one\n') });
      write.end({ kind: frameKind.stdout, payload: Buffer.from('two\n') });
    };
    await withDaemon(command, async (client) => {
      expect(await text(await client.logs({ vm: 'box', follow: false }))).toBe('one\ntwo\n');
      expect(await text(await client.events({ vms: [] }))).toBe('one\ntwo\n');
    });
  });

  test('that is followed is left by destroying it, also before the first byte was read', async () => {
    let left = 0;
    const command = (raw: Duplex): void => {
      const { write } = framed(raw);
      write.write({ kind: frameKind.stdout, payload: Buffer.from('one\n') });
      raw.on('close', () => (left += 1));
      raw.on('end', () => raw.end());
    };
    await withDaemon(command, async (client) => {
      const read = await client.logs({ vm: 'box', follow: true });
      await once(read, 'data');
      read.destroy();
      const unread = await client.logs({ vm: 'box', follow: true });
      unread.destroy();
      await until(() => left === 2);
    });
  });

  test('that breaks says so', async () => {
    const command = (raw: Duplex): void => {
      raw.on('error', () => undefined);
      raw.end(Buffer.from([1, 0, 0, 0, 9, 0x61]));
    };
    await withDaemon(command, async (client) => {
      const logs = await client.logs({ vm: 'box', follow: true });
      await expect(logs.toArray()).rejects.toMatchObject({ code: 'protocol_error' });
    });
  });
});
