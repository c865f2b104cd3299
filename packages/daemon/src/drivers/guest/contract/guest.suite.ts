import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTcpEcho, startUdpEcho } from '@banger/testkit/echo-servers';
import { listenOnUnixSocket } from '@banger/testkit/unix-server';
import { systemClock } from '../../../host/clock.ts';
import type { GuestExec, GuestSession } from '../driver.ts';
import { INITIAL_WINDOW, MAX_STREAMS } from '../limits.ts';
import { CuttableChannel } from './cuttable-channel.suite.ts';
import { runScript, type GuestUnderTest } from './harness.ts';
import { programs } from './programs.ts';

/** Other tests may keep both cores busy meanwhile. */
const PATIENCE = { timeout: 5_000 };
const MEGABYTE = 1_000_000;
/** What a Readable may hold beyond the window before it asks for no more. */
const READABLE_BYTES = 65_536;
/** Less than what a terminal of Linux holds besides its line discipline: 8 KiB. */
const TERMINAL_BYTES = 7_000;

interface Output {
  readonly end: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

async function outputOf(exec: GuestExec): Promise<Output> {
  const [stdout, stderr, end] = await Promise.all([text(exec.stdout), text(exec.stderr), exec.exit]);
  return { end, stdout, stderr };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What every guest does, whatever stands behind the channel. `start` gives a fresh, unconfigured one. */
export function describeGuest(name: string, start: (directory: string) => Promise<GuestUnderTest>): void {
  describe(`guest contract: ${name}`, () => {
    let directory: string;
    let guest: GuestUnderTest;
    let channel: CuttableChannel;
    let session: GuestSession;

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'banger-guest-'));
      guest = await start(directory);
      channel = new CuttableChannel(guest, randomBytes(32));
      session = await channel.connect(directory);
      await session.configure({ env: { DEFAULT: 'from configure' } });
    });
    afterEach(async () => {
      await channel.close();
      await guest.close();
      await rm(directory, { recursive: true, force: true });
    });

    test('refuses everything but configure until it is configured', async () => {
      const place = await mkdtemp(join(directory, 'other-'));
      const other = await start(place);
      const way = new CuttableChannel(other, randomBytes(32));
      try {
        const fresh = await way.connect(place);
        expect(fresh.hello).toMatchObject({ generation: 1, configured: false });
        const refused = { code: 'agent_not_ready', details: { probe: 'configure' } };
        await expect(runScript(fresh, programs.exit0)).rejects.toMatchObject(refused);
        await expect(fresh.stats()).rejects.toMatchObject(refused);
        await fresh.sync();
        expect(await fresh.configure({})).toEqual({ warnings: [] });
        expect((await outputOf(await runScript(fresh, programs.exit42))).end).toEqual({ status: 42 });
        fresh.close();
        const again = await way.connect(place);
        expect(again.hello.configured).toBe(true);
        expect(again.hello.bootId).toBe(fresh.hello.bootId);
      } finally {
        await way.close();
        await other.close();
      }
    });

    test('the clock tells the time', async () => {
      const before = BigInt(Date.now() - 1) * 1_000_000n;
      const time = await session.clock();
      expect(time).toBeGreaterThan(before);
      expect(time).toBeLessThan(BigInt(Date.now() + 2) * 1_000_000n);
    });

    test('a command ends with its status', async () => {
      for (const [program, status] of [
        [programs.exit0, 0],
        [programs.exit42, 42],
        [programs.exit255, 255],
      ] as const)
        expect(await outputOf(await runScript(session, program))).toEqual({
          end: { status },
          stdout: '',
          stderr: '',
        });
    });

    test('a command ended by a signal says so', async () => {
      expect((await outputOf(await runScript(session, programs.killedBy9))).end).toMatchObject({ signal: 9 });
    });

    test('what does not exist and what is not executable are told apart', async () => {
      await expect(session.exec({ argv: ['/no/such/program'] })).rejects.toMatchObject({
        code: 'command_not_found',
      });
      await expect(session.exec({ argv: ['no-such-program'] })).rejects.toMatchObject({
        code: 'command_not_found',
      });
      await expect(session.exec({ argv: ['/etc/passwd'] })).rejects.toMatchObject({
        code: 'command_not_executable',
      });
    });

    test('stdout and stderr are apart', async () => {
      const output = await outputOf(await runScript(session, programs.apart));
      expect(output).toEqual({ end: { status: 3 }, stdout: 'out\n', stderr: 'err\n' });
    });

    test('stdin ends where it is ended, also when nothing was written', async () => {
      const exec = await runScript(session, programs.cat);
      exec.stdin.write('one ');
      exec.stdin.end('two');
      expect(await outputOf(exec)).toEqual({ end: { status: 0 }, stdout: 'one two', stderr: '' });
      const empty = await runScript(session, programs.cat);
      empty.stdin.end();
      expect(await outputOf(empty)).toEqual({ end: { status: 0 }, stdout: '', stderr: '' });
    });

    test('20 MB go in, and 20 MB in and out at once, unchanged', async () => {
      const bytes = randomBytes(20 * MEGABYTE);
      const hashing = await runScript(session, programs.sha256);
      hashing.stdin.end(bytes);
      expect((await outputOf(hashing)).stdout).toBe(`${sha256(bytes)}  -\n`);
      const echoing = await runScript(session, programs.cat);
      Readable.from([bytes]).pipe(echoing.stdin);
      const [echoed, end] = await Promise.all([buffer(echoing.stdout), echoing.exit, text(echoing.stderr)]);
      expect(end).toEqual({ status: 0 });
      expect(sha256(echoed)).toBe(sha256(bytes));
    });

    test('a command that does not read its input harms nothing', async () => {
      const exec = await runScript(session, programs.deaf);
      exec.stdin.write(Buffer.alloc(2 * MEGABYTE));
      expect((await outputOf(exec)).end).toEqual({ status: 0 });
      expect(exec.stdin.destroyed).toBe(true);
      expect((await outputOf(await runScript(session, programs.exit42))).end).toEqual({ status: 42 });
    });

    test('output that nobody reads waits in the guest, and others go on', async () => {
      const endless = await runScript(session, programs.endless);
      await once(endless.stdout, 'readable');
      await systemClock.sleep(200);
      expect(endless.stdout.readableLength).toBeLessThanOrEqual(INITIAL_WINDOW + READABLE_BYTES);
      expect((await outputOf(await runScript(session, programs.exit42))).end).toEqual({ status: 42 });
      endless.abort();
      await expect(endless.exit).rejects.toMatchObject({ code: 'cancelled' });
    });

    test('arguments, environment and working directory arrive untouched', async () => {
      const argv = ['sh', 'a b', '', '$HOME', '"', 'grüße ☃', 'new\nline'];
      expect((await outputOf(await runScript(session, programs.arguments, { argv }))).stdout).toBe(
        'a b||$HOME|"|grüße ☃|new\nline|',
      );
      const env = { ONE: 'x=y z', TWO: 'ü' };
      expect((await outputOf(await runScript(session, programs.environment, { env }))).stdout).toBe(
        'x=y z|ü|from configure|',
      );
      expect(
        (await outputOf(await runScript(session, programs.workingDirectory, { cwd: '/usr' }))).stdout,
      ).toBe('/usr\n');
    });

    test('runs as the user that is named', async () => {
      const user = String(process.getuid?.());
      expect((await outputOf(await runScript(session, programs.userId, { user }))).stdout).toBe(`${user}\n`);
      await expect(runScript(session, programs.userId, { user: 'no-such-user-here' })).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('no such user'),
      });
    });

    test('a terminal has a size, which changes', async () => {
      const tty = { rows: 24, columns: 80, term: 'vt220' };
      const exec = await runScript(session, programs.terminalSize, { tty });
      let seen = '';
      exec.stdout.on('data', (chunk) => (seen += String(chunk)));
      exec.stderr.resume();
      await expect.poll(() => seen, PATIENCE).toContain('24 80\r\n');
      await exec.resize(50, 132);
      exec.stdin.write('\r');
      expect(await exec.exit).toEqual({ status: 0 });
      expect(seen).toContain('50 132\r\n');
      expect(seen).toContain('vt220\r\n');
    });

    test('the end of what was written on a terminal reaches a reader that is slow', async () => {
      // Whatever is held on the way: with one of these the rest fits into the terminal, and is more than its line discipline holds.
      const totals = Array.from({ length: 20 }, (_, step) => INITIAL_WINDOW + step * TERMINAL_BYTES);
      const tty = { rows: 24, columns: 80, term: 'vt220' };
      const execs = await Promise.all(
        totals.map((total) => runScript(session, programs.writesBytes, { tty, argv: ['sh', String(total)] })),
      );
      // Longer than the agent waits for an output that stays open.
      await systemClock.sleep(1_000);
      const outputs = await Promise.all(execs.map(outputOf));
      expect(outputs.map(({ stdout }) => stdout.length)).toEqual(totals);
    });

    test('a signal reaches the command, and none that has ended', async () => {
      const sleep = await runScript(session, programs.sleep);
      await sleep.signal(15);
      expect((await outputOf(sleep)).end).toMatchObject({ signal: 15 });
      await expect(sleep.signal(15)).rejects.toMatchObject({ code: 'command_ended' });

      const stubborn = await runScript(session, programs.stubborn);
      let seen = '';
      stubborn.stdout.on('data', (chunk) => (seen += String(chunk)));
      stubborn.stderr.resume();
      await expect.poll(() => seen, PATIENCE).toBe('ready\n');
      await stubborn.signal(15);
      await expect.poll(() => seen, PATIENCE).toBe('ready\ncaught\n');
      await stubborn.signal(9);
      expect(await stubborn.exit).toMatchObject({ signal: 9 });
    });

    test('a command that is given up is ended in the guest', async () => {
      const abort = new AbortController();
      const sleep = await runScript(session, programs.sleep, {}, { signal: abort.signal });
      expect(guest.isRunning(sleep.pid)).toBe(true);
      abort.abort();
      await expect(sleep.exit).rejects.toMatchObject({ code: 'cancelled' });
      await expect.poll(() => guest.isRunning(sleep.pid), PATIENCE).toBe(false);
    });

    test('output held open in the background does not delay the exit', async () => {
      const begun = performance.now();
      expect(await outputOf(await runScript(session, programs.background))).toMatchObject({
        end: { status: 0 },
        stdout: 'done\n',
      });
      expect(performance.now() - begun).toBeLessThan(3_000);
    });

    test('many commands at once keep their outputs apart', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const exec = await runScript(session, programs.cat);
          const line = `${index} `.repeat(10_000);
          exec.stdin.end(line);
          return (await outputOf(exec)).stdout === line;
        }),
      );
      expect(results).toEqual(results.map(() => true));
    });

    test('a file is put whole and read back', async () => {
      const path = `${guest.directory}/file`;
      const bytes = randomBytes(5 * MEGABYTE);
      await session.put({ path, mode: 0o640 }, Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]));
      const got = await session.get(path);
      expect(got).toMatchObject({ mode: 0o640, size: bytes.length });
      expect(sha256(await buffer(got.content))).toBe(sha256(bytes));
      await session.put({ path }, new Uint8Array(0));
      const empty = await session.get(path);
      expect(empty).toMatchObject({ mode: 0o644, size: 0 });
      expect((await buffer(empty.content)).length).toBe(0);
    });

    test('a file that ends too early leaves nothing', async () => {
      const path = `${guest.directory}/file`;
      const broken = Readable.from(
        (function* () {
          yield Buffer.alloc(100_000);
          throw new Error('the disk of the host is gone');
        })(),
      );
      await expect(session.put({ path }, broken)).rejects.toThrow('the disk of the host is gone');
      const missing = { code: 'guest_failed', details: { errno: 'ENOENT' } };
      await expect(session.get(path)).rejects.toMatchObject(missing);
      await expect(
        session.put({ path: `${guest.directory}/no/file` }, Buffer.alloc(MEGABYTE)),
      ).rejects.toMatchObject(missing);
      expect((await outputOf(await runScript(session, programs.exit42))).end).toEqual({ status: 42 });
    });

    test('dials unix sockets and TCP, with half closes', async () => {
      const path = join(directory, 'echo');
      const unix = await listenOnUnixSocket(path, (socket) => socket.pipe(socket));
      const tcp = await startTcpEcho();
      const target = { kind: 'tcp', host: '127.0.0.1', port: tcp.port } as const;
      try {
        const bytes = randomBytes(3 * MEGABYTE);
        for (const each of [{ kind: 'unix', path } as const, target]) {
          const connection = await session.dial(each);
          connection.end(bytes);
          expect(sha256(await buffer(connection))).toBe(sha256(bytes));
        }
      } finally {
        await tcp.close();
        await unix.close();
      }
      await expect(session.dial(target)).rejects.toMatchObject({
        code: 'guest_failed',
        details: { errno: 'ECONNREFUSED' },
      });
      await expect(session.dial({ kind: 'unix', path })).rejects.toMatchObject({ code: 'guest_failed' });
    });

    test('a datagram stays one', async () => {
      const udp = await startUdpEcho();
      try {
        const connection = await session.dial({ kind: 'udp', host: '127.0.0.1', port: udp.port });
        const answers: string[] = [];
        connection.on('data', (datagram) => answers.push(String(datagram)));
        for (const datagram of ['one', 'two', 'x'.repeat(9_000)]) connection.write(Buffer.from(datagram));
        await expect.poll(() => answers, PATIENCE).toEqual(['one', 'two', 'x'.repeat(9_000)]);
        connection.destroy();
      } finally {
        await udp.close();
      }
    });

    test('tells figures that can be', async () => {
      const stats = await session.stats();
      expect(stats.uptimeSeconds).toBeGreaterThan(0);
      expect(stats.memory.total).toBeGreaterThan(stats.memory.available);
      expect(stats.cpu.totalTicks).toBeGreaterThan(stats.cpu.idleTicks);
      expect(stats.processes).toBeGreaterThan(0);
      expect(Array.isArray(await session.ports())).toBe(true);
      expect(await session.ping()).toBeGreaterThan(0);
    });

    test('tells what happened before it was asked', async () => {
      const abort = new AbortController();
      const seen: string[] = [];
      for await (const event of session.events({ signal: abort.signal })) {
        seen.push(event.name);
        break;
      }
      expect(seen).toEqual(['init-ready']);
      const waiting = (async () => {
        for await (const event of session.events({ signal: abort.signal })) seen.push(event.name);
      })();
      await expect.poll(() => seen.length, PATIENCE).toBe(2);
      abort.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    });

    test('commands without end are refused, and there is room again afterwards', async () => {
      const sleeping: GuestExec[] = [];
      const fill = async (): Promise<never> => {
        for (;;) sleeping.push(await runScript(session, programs.sleep));
      };
      await expect(fill()).rejects.toMatchObject({ code: 'agent_limit' });
      expect(sleeping.length).toBeLessThanOrEqual(MAX_STREAMS);
      for (const exec of sleeping) exec.abort();
      await Promise.all(
        sleeping.map((exec) => expect(exec.exit).rejects.toMatchObject({ code: 'cancelled' })),
      );
      const settled = async (): Promise<unknown> =>
        (await outputOf(await runScript(session, programs.exit42))).end;
      await expect.poll(() => settled().catch(() => undefined), PATIENCE).toEqual({ status: 42 });
    });

    test('a request that is too long is refused before it is sent', async () => {
      const argv = ['x'.repeat(2_200_000)];
      await expect(session.exec({ argv })).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(session.exec({ argv: ['a\0b'] })).rejects.toMatchObject({ code: 'invalid_argument' });
      const content = randomBytes(300_000);
      await session.configure({ files: [{ path: '/etc/banger-big', content }] });
      await expect(
        session.configure({ files: [{ path: '/etc/banger-big', content: Buffer.alloc(1_100_000) }] }),
      ).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    });

    test('a session cut in mid-stream is over, and nothing of it comes in the next', async () => {
      const endless = await runScript(session, programs.endless);
      endless.stderr.resume();
      await once(endless.stdout, 'data');
      const reply = session.stats();
      channel.cut();
      await expect(endless.exit).rejects.toMatchObject({ code: 'agent_lost' });
      await expect(reply).rejects.toMatchObject({ code: 'agent_lost' });
      expect(await session.closed).toMatchObject({ code: 'agent_lost' });
      const next = await channel.connect(directory);
      const answers = await Promise.all([
        outputOf(await runScript(next, programs.apart)),
        outputOf(await runScript(next, programs.exit42)),
      ]);
      expect(answers).toEqual([
        { end: { status: 3 }, stdout: 'out\n', stderr: 'err\n' },
        { end: { status: 42 }, stdout: '', stderr: '' },
      ]);
      await expect.poll(() => guest.isRunning(endless.pid), PATIENCE).toBe(false);
    });

    test('reconnecting again and again leaves one that works', async () => {
      session.close();
      await session.closed;
      for (let round = 0; round < 10; round += 1) {
        const cut = await channel.connect(directory);
        const endless = await runScript(cut, programs.endless);
        endless.stdout.resume();
        cut.stats().catch(() => undefined);
        if (round % 2 === 0) channel.cut();
        else cut.close();
        await cut.closed;
      }
      const last = await channel.connect(directory);
      expect((await outputOf(await runScript(last, programs.exit42))).end).toEqual({ status: 42 });
    });

    test('a session that was closed serves nothing', async () => {
      const sleep = await runScript(session, programs.sleep);
      session.close();
      expect(await session.closed).toBeUndefined();
      await expect(sleep.exit).rejects.toMatchObject({ code: 'agent_lost' });
      await expect(session.stats()).rejects.toMatchObject({ code: 'agent_lost' });
      await expect(session.ping()).rejects.toMatchObject({ code: 'agent_lost' });
    });
  });
}
