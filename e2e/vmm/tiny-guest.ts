import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { writeCpio } from '@banger/daemon/drivers/kernel/cpio';

const run = promisify(execFile);

/** A kernel and an initramfs whose PID 1 is `tiny-init.c`. */
export interface TinyGuest {
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
}

/** Puts the tiny PID 1 over the agent in the initramfs of a home's kernel; of two archives the kernel unpacks both, the later one last. */
export async function makeTinyGuest(home: string, dir: string): Promise<TinyGuest> {
  const kernels = join(home, 'state/kernels');
  const [name] = (await readdir(kernels)).filter((entry) => !entry.startsWith('.'));
  if (name === undefined) throw new Error(`There is no kernel in ${kernels}.`);
  const init = join(dir, 'tiny-init');
  await run('gcc', [
    '-static',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    init,
    join(import.meta.dirname, 'tiny-init.c'),
  ]);
  const over = writeCpio([{ kind: 'file', name: 'init', mode: 0o755, content: await readFile(init) }]);
  const initrd = join(dir, 'initramfs');
  await writeFile(initrd, Buffer.concat([await readFile(join(kernels, name, 'initramfs.img')), over]));
  return {
    kernel: join(kernels, name, 'vmlinux'),
    initrd,
    cmdline: 'console=ttyS0 quiet loglevel=4 panic=0 no_timer_check',
  };
}

/** A connection to the tiny guest; it has answered a hello. */
export async function greet(agentSocket: string, signal?: AbortSignal): Promise<Socket> {
  const nonce = randomBytes(16);
  const socket = connect(agentSocket);
  await once(socket, 'connect', signal === undefined ? {} : { signal });
  socket.write(Buffer.concat([Buffer.from('banger-hello-v1\n'), Buffer.alloc(32, 1), nonce]));
  let received = Buffer.alloc(0);
  try {
    while (!received.includes(nonce)) {
      const [chunk] = (await once(socket, 'data', signal === undefined ? {} : { signal })) as [Buffer];
      received = Buffer.concat([received, chunk]);
    }
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

/** A guest reads a letter within moments; one that has ended by it leaves a VMM that stands still and reads no more. */
const TAKEN_MS = 10_000;

/** Tells the guest what to do, by one of the letters of `tiny-init.c`. */
export async function tell(agentSocket: string, letter: 'P' | 'R' | 'X' | 'W'): Promise<void> {
  const socket = await greet(agentSocket);
  socket.end(letter);
  const patience = new AbortController();
  await Promise.race([
    once(socket.resume(), 'close'),
    sleep(TAKEN_MS, undefined, { signal: patience.signal }).catch(() => undefined),
  ]);
  patience.abort();
  socket.destroy();
}
