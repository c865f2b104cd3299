import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenOnUnixSocket, type UnixServer, type UnixServerOptions } from './unix-server.ts';

let root = '';
let run = '';
let path = '';
const servers: UnixServer[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-unix-'));
  run = join(root, 'run');
  mkdirSync(run, { mode: 0o700 });
  path = join(run, 'bangerd.sock');
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(root, { recursive: true });
});

/** Greets each connection and ends it when its client does. */
const greet = (socket: Socket): void => {
  socket.on('error', () => undefined);
  socket.resume().on('end', () => socket.end());
  socket.write('hello');
};

async function listen(at = path, options: Partial<UnixServerOptions> = {}): Promise<UnixServer> {
  const server = await listenOnUnixSocket({ path: at, onConnection: greet, ...options });
  servers.push(server);
  return server;
}

async function hello(to: string): Promise<string> {
  const socket = connect({ path: to });
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return chunk.toString();
}

/** Leaves a socket behind, as SIGKILL does: nobody listens, the file stays. */
async function leaveSocket(): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  renameSync(path, `${path}.kept`);
  await new Promise((resolve) => void server.close(resolve));
  renameSync(`${path}.kept`, path);
}

describe('a unix server', () => {
  test('listens on a socket of mode 0600, whatever the umask, which it leaves as it was', async () => {
    const before = process.umask(0);
    try {
      await listen();
    } finally {
      expect(process.umask(before)).toBe(0);
    }
    expect(lstatSync(path).mode & 0o7777).toBe(0o600);
    expect(await hello(path)).toBe('hello');
  });

  test('was never open to others, not even before it was looked at', async () => {
    const before = process.umask(0);
    const listening = listen();
    const modes = new Set<number>();
    const timer = setInterval(() => existsSync(path) && modes.add(lstatSync(path).mode & 0o7777), 0);
    await listening;
    await hello(path);
    clearInterval(timer);
    process.umask(before);
    expect([...modes].filter((mode) => mode !== 0o600)).toEqual([]);
  });

  test('replaces the socket of a dead daemon', async () => {
    await leaveSocket();
    await listen();
    expect(await hello(path)).toBe('hello');
  });

  test('refuses the socket of a live one, which goes on', async () => {
    await listen();
    await expect(listen()).rejects.toMatchObject({ code: 'daemon_held' });
    expect(await hello(path)).toBe('hello');
  });

  test('listens where the path is over the limit of the kernel, without any other file', async () => {
    const long = join(run, 'x'.repeat(120));
    mkdirSync(long, { mode: 0o700 });
    const server = await listen(join(long, 'bangerd.sock'));
    const short = join(root, 'short');
    symlinkSync(long, short);
    expect(await hello(join(short, 'bangerd.sock'))).toBe('hello');
    expect(readdirSync(long)).toEqual(['bangerd.sock']);
    await expect(listen(join(long, 'bangerd.sock'))).rejects.toMatchObject({ code: 'daemon_held' });
    await server.close();
    expect(readdirSync(long)).toEqual([]);
  });

  test('says what the kernel refused', async () => {
    // Too long even for a file.
    await expect(listen(join(run, 'x'.repeat(300)))).rejects.toThrow();
    expect(readdirSync(run)).toEqual([]);
  });

  test('takes no more connections than it should', async () => {
    await listen(path, { maxConnections: 1 });
    const first = connect({ path });
    await once(first, 'data');
    const second = connect({ path });
    second.on('error', () => undefined);
    await once(second, 'close');
    expect(second.bytesRead).toBe(0);
    first.destroy();
  });
});

describe('is refused', () => {
  test.each([
    ['a directory that others can enter', () => chmodSync(run, 0o711)],
    ['a directory that others can list', () => chmodSync(run, 0o740)],
    [
      'a directory that is a link',
      () => {
        renameSync(run, `${run}.real`);
        symlinkSync(`${run}.real`, run);
      },
    ],
    ['a directory that is not there', () => rmSync(run, { recursive: true })],
    ['a file at the place of the socket', () => writeFileSync(path, 'precious')],
    ['a link at the place of the socket', () => symlinkSync('/dev/null', path)],
    ['a dangling link at the place of the socket', () => symlinkSync('/nowhere/at/all', path)],
  ])('%s', async (_name, prepare) => {
    prepare();
    const before = existsSync(run) ? readdirSync(run) : [];
    await expect(listen()).rejects.toMatchObject({ code: 'path_unsafe' });
    expect(existsSync(run) ? readdirSync(run) : []).toEqual(before);
  });

  test('a directory of another user', async () => {
    const uid = (process.getuid?.() ?? 0) + 1;
    await expect(listen(path, { uid })).rejects.toMatchObject({
      code: 'path_unsafe',
      message: expect.stringContaining('belongs to another user') as unknown,
    });
  });
});

describe('closing', () => {
  test.each([['short'], ['x'.repeat(120)]])(
    'removes the socket, and lets connections go on (%#)',
    async (name) => {
      const directory = join(run, name);
      mkdirSync(directory, { mode: 0o700 });
      symlinkSync(directory, join(root, 'way'));
      const server = await listen(join(directory, 'sock'));
      const client = connect({ path: join(root, 'way', 'sock') });
      await once(client, 'data');
      await server.close();
      await server.close();
      expect(readdirSync(directory)).toEqual([]);
      expect(client.destroyed).toBe(false);
      client.end();
      await once(client, 'end');
    },
  );
});
