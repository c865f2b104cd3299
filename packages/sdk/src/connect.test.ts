import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { connectDaemon, connectRunning } from './connect.ts';
import { TestDaemon, TestHome, build, uid, until } from './test-daemon.suite.ts';

function home(): TestHome {
  const made = new TestHome();
  mkdirSync(made.paths.run, { mode: 0o700 });
  return made;
}

const noStart = (): Promise<void> => Promise.reject(new Error('started'));

describe('connecting', () => {
  test('greets the daemon and calls it', async () => {
    using place = home();
    const seen: unknown[] = [];
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'vm.show': (params, { progress }) => {
        progress({ stage: 'Looking', operation: 'x', level: 'stage' });
        return Promise.resolve(params);
      },
    });
    const client = await connectDaemon({ ...place.options(), start: noStart });
    expect(client.hello.build.build).toBe('ours');
    const view = await client.call(
      'vm.show',
      { vm: 'box' },
      { onProgress: (event) => void seen.push(event.stage) },
    );
    expect(view).toEqual({ vm: 'box' });
    expect(seen).toEqual(['Looking']);
    client.close();
    client.close();
  });

  test('gives errors of the daemon with code, hint, details and operation', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'vm.show': () =>
        Promise.reject(
          new BangerError('vm_not_found', 'No VM box.', { hint: 'Look.', details: { vm: 'box' } }),
        ),
    });
    const client = await connectDaemon({ ...place.options(), start: noStart });
    const error = await client.call('vm.show', { vm: 'box' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BangerError);
    expect(error).toMatchObject({
      code: 'vm_not_found',
      message: 'No VM box.',
      hint: 'Look.',
      details: { vm: 'box', operation: 'operation' },
    });
    await expect(client.call('vm.list', {})).rejects.toMatchObject({ code: 'method_not_found' });
    client.close();
    await expect(client.call('vm.list', {})).rejects.toMatchObject({ code: 'daemon_unreachable' });
  });

  test('takes a few milliseconds', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'vm.list': () => Promise.resolve([]),
    });
    const times: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const begun = performance.now();
      const client = await connectDaemon({ ...place.options(), start: noStart });
      await client.call('vm.list', {});
      times.push(performance.now() - begun);
      client.close();
    }
    // Some 2 ms; the bound only tells a wait or a poll from none.
    expect(Math.min(...times)).toBeLessThan(50);
  });

  test.each([
    ['none runs', false],
    ['a dead one left its socket', true],
  ])('starts a daemon when %s', async (_name, left) => {
    using place = home();
    if (left) await leaveSocket(place.paths.socket);
    await using daemons = new AsyncDisposableStack();
    const start = async (): Promise<void> => {
      rmSync(place.paths.socket, { force: true });
      daemons.use(await TestDaemon.listen(place.paths.socket));
    };
    const client = await connectDaemon({ ...place.options(), start });
    expect(client.hello.pid).toBe(process.pid);
    client.close();
  });

  test('without start finds nothing where there is nothing', async () => {
    using place = new TestHome();
    expect(await connectRunning(place.options())).toBeUndefined();
    mkdirSync(place.paths.run);
    expect(await connectRunning(place.options())).toBeUndefined();
  });

  test('works through a path over the limit of the kernel', async () => {
    using place = home();
    const run = join(place.root, 'r'.repeat(120));
    mkdirSync(run);
    const socket = join(run, 'bangerd.sock');
    // The daemon listens by a short way to the same file.
    const short = join(place.root, 'short');
    symlinkSync(run, short);
    await using _daemon = await TestDaemon.listen(join(short, 'bangerd.sock'));
    const client = await connectRunning({ ...place.options(), paths: { socket } });
    expect(client?.hello.pid).toBe(process.pid);
    client?.close();
  });
});

describe('refuses', () => {
  test.each([
    [
      'a run directory that is a link',
      (place: TestHome) => {
        mkdirSync(join(place.root, 'elsewhere'));
        symlinkSync('elsewhere', place.paths.run);
      },
    ],
    ['a run directory that is a file', (place: TestHome) => writeFileSync(place.paths.run, '')],
    [
      'a socket that is a link',
      (place: TestHome) => {
        mkdirSync(place.paths.run);
        symlinkSync('/dev/null', place.paths.socket);
      },
    ],
    [
      'a socket that is a file',
      (place: TestHome) => {
        mkdirSync(place.paths.run);
        writeFileSync(place.paths.socket, '');
      },
    ],
  ])('%s', async (_name, prepare) => {
    using place = new TestHome();
    prepare(place);
    await expect(connectDaemon({ ...place.options(), start: noStart })).rejects.toMatchObject({
      code: 'path_unsafe',
    });
  });

  test('a socket in a directory that others can write', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket);
    chmodSync(place.paths.run, 0o770);
    await expect(connectRunning(place.options())).rejects.toMatchObject({ code: 'path_unsafe' });
  });

  test('a socket and a directory of another user', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket);
    const other = { ...place.options(), uid: uid + 1, start: noStart };
    await expect(connectDaemon(other)).rejects.toMatchObject({
      code: 'path_unsafe',
      message: `${dirname(place.paths.socket)} belongs to another user (uid ${uid}).`,
    });
  });

  test('a daemon that does not answer, and one that never keeps running', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'daemon.hello': () => new Promise(() => undefined),
    });
    const patient = connectDaemon({ ...place.options(), start: noStart, helloMs: 20 });
    await expect(patient).rejects.toMatchObject({ code: 'daemon_unreachable' });

    using empty = home();
    let starts = 0;
    const start = (): Promise<void> => Promise.resolve(void (starts += 1));
    await expect(connectDaemon({ ...empty.options(), start })).rejects.toMatchObject({
      code: 'daemon_unreachable',
    });
    expect(starts).toBe(4);
  });

  test('to go on when its caller gives up', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'daemon.hello': () => new Promise(() => undefined),
    });
    const controller = new AbortController();
    const waiting = connectRunning({ ...place.options(), signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    const late = connectRunning({ ...place.options(), signal: controller.signal });
    await expect(late).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('a daemon that refuses the greeting, and one that speaks something else', async () => {
    using place = home();
    await using _daemon = await TestDaemon.listen(place.paths.socket, {
      'daemon.hello': () => Promise.reject(new BangerError('invalid_argument', 'What?')),
    });
    await expect(connectRunning(place.options())).rejects.toMatchObject({ code: 'daemon_build_mismatch' });

    using other = home();
    const server = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    server.listen(other.paths.socket);
    await once(server, 'listening');
    await expect(connectRunning(other.options())).rejects.toMatchObject({ code: 'protocol_error' });
    server.close();
  });
});

describe('a daemon of another build', () => {
  test('that is busy is left alone, and named', async () => {
    using place = home();
    await using daemon = await TestDaemon.listen(place.paths.socket, {
      'daemon.stop': (params) => {
        expect(params).toEqual({ ifIdle: true });
        const busy = ['vm.create', '1 open stream'];
        throw new BangerError(
          'daemon_build_mismatch',
          `The daemon (pid 7) is busy with ${busy.join(', ')}.`,
          {
            details: { busy },
          },
        );
      },
    });
    // Idle when it greets: what counts is the moment of its end.
    daemon.hello = { ...daemon.hello, build: build('theirs'), busy: [] };
    await expect(connectDaemon({ ...place.options(), start: noStart })).rejects.toMatchObject({
      code: 'daemon_build_mismatch',
      message: expect.stringMatching(/pid \d+.*vm\.create, 1 open stream.*theirs.*ours/) as unknown,
    });
    const client = await connectRunning(place.options());
    expect(client?.hello.build.build).toBe('theirs');
    client?.close();
  });

  test('that is idle is stopped and replaced', async () => {
    using place = home();
    const daemons: TestDaemon[] = [];
    const gone = 2 ** 22 + 1; // Over the kernel's largest process id: such a process is gone.
    const old = await TestDaemon.listen(place.paths.socket, {
      'daemon.stop': async () => {
        setTimeout(() => void old[Symbol.asyncDispose](), 1);
        await sleep(0);
        return { pid: gone };
      },
    });
    old.hello = { ...old.hello, build: build('theirs'), pid: gone };
    const client = await connectDaemon({
      ...place.options(),
      start: async () => void daemons.push(await TestDaemon.listen(place.paths.socket)),
    });
    expect(client.hello.build.build).toBe('ours');
    expect(daemons).toHaveLength(1);
    client.close();
    await daemons[0]?.[Symbol.asyncDispose]();
  });

  test('that is going already is waited for', async () => {
    using place = home();
    await using old = await TestDaemon.listen(place.paths.socket, {
      'daemon.stop': () => {
        for (const peer of old.peers) void peer.close();
        return new Promise(() => undefined);
      },
    });
    let starts = 0;
    old.hello = { ...old.hello, build: build('theirs'), pid: 2 ** 22 + 1 };
    const start = (): Promise<void> => Promise.resolve(void (starts += 1));
    // Its listener stays here, so it is greeted, and stopped, again.
    await expect(connectDaemon({ ...place.options(), start })).rejects.toMatchObject({
      code: 'daemon_unreachable',
    });
    await until(() => old.peers.size === 0);
  });
});

/** Leaves a socket behind, as SIGKILL does: nobody listens, the file stays. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  renameSync(path, `${path}.kept`);
  await new Promise((resolve) => void server.close(resolve));
  renameSync(`${path}.kept`, path);
}
