import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  parseProcessStat,
  parseProcessUsage,
  ProcessTable,
  type ProcessIdentity,
} from './process-identity.ts';

let proc: string;
let sent: [number, string][];
let table: ProcessTable;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'banger-proc-'));
  sent = [];
  table = new ProcessTable(proc, (pid, signal) => void sent.push([pid, signal]));
  await boot('boot-1');
});
afterEach(() => rm(proc, { recursive: true, force: true }));

async function boot(id: string): Promise<void> {
  await mkdir(join(proc, 'sys/kernel/random'), { recursive: true });
  await writeFile(join(proc, 'sys/kernel/random/boot_id'), `${id}\n`);
}

function stat(pid: number, command: string, state: string, ticks: number): string {
  return `${pid} (${command}) ${state} 1 2 3 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 ${ticks} 1000 20 18446744073709551615\n`;
}

async function start(pid: number, ticks: number, state = 'S', command = 'qemu'): Promise<void> {
  await mkdir(join(proc, String(pid)), { recursive: true });
  await writeFile(join(proc, String(pid), 'stat'), stat(pid, command, state, ticks));
}

function identify(pid: number | undefined, processes = table): ProcessIdentity {
  const identity = processes.identify(Number(pid));
  if (identity === undefined) throw new Error(`no process ${pid}`);
  return identity;
}

test('the command name cannot forge the start time', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (command, ticks) => {
      expect(parseProcessStat(stat(7, command, 'S', ticks))).toEqual({ startTicks: ticks, ended: false });
    }),
  );
  expect(parseProcessStat(stat(7, 'x) Z 1 2 (', 'S', 42))).toEqual({ startTicks: 42, ended: false });
});

test('CPU time and memory are those of the process, in milliseconds and bytes', async () => {
  // In what `stat` writes: 9 and 10 ticks, 20 pages.
  expect(parseProcessUsage(stat(7, 'x) 1 (', 'S', 42))).toEqual({ cpuMs: 190, residentBytes: 20 * 4096 });
  for (const text of ['', '7 (sh', '7 (sh) S 1 2']) expect(parseProcessUsage(text)).toBeUndefined();
  await start(7, 100);
  const identity = identify(7);
  expect(table.usage(identity)).toEqual({ cpuMs: 190, residentBytes: 20 * 4096 });
  await start(7, 200);
  expect(table.usage(identity)).toBeUndefined();
});

test('what is no stat line is nothing', () => {
  for (const text of ['', '7 (sh', '7 (sh) S 1 2', stat(7, 'sh', 'S', 1).replace(' 1 1000', ' x 1000')])
    expect(parseProcessStat(text)).toBeUndefined();
});

test('a reused pid is another process and gets no signal', async () => {
  await start(7, 100);
  const identity = identify(7);
  expect(table.signal(identity, 'SIGTERM')).toBe(true);
  await start(7, 200);
  expect(table.isAlive(identity)).toBe(false);
  expect(table.signal(identity, 'SIGKILL')).toBe(false);
  expect(sent).toEqual([[7, 'SIGTERM']]);
});

test('the same pid and start time after a reboot is another process', async () => {
  await start(7, 100);
  const identity = identify(7);
  await boot('boot-2');
  expect(table.isAlive(identity)).toBe(false);
  expect(table.signal(identity, 'SIGKILL')).toBe(false);
  expect(sent).toEqual([]);
});

test('how long a process has run is told by the kernel alone', async () => {
  await writeFile(join(proc, 'uptime'), '250.75 12.00\n');
  expect(table.ageMs({ startTicks: 20_000 })).toBe(50_750);
});

test('a zombie has ended', async () => {
  await start(7, 100);
  const identity = identify(7);
  await start(7, 100, 'Z');
  expect(table.isAlive(identity)).toBe(false);
  expect(table.identify(7)).toBeUndefined();
});

test('no process has a pid that is not a positive integer', () => {
  const odd = { pid: -1, startTicks: 1, bootId: 'boot-1' };
  expect(table.signal(odd, 'SIGKILL')).toBe(false);
  expect(table.signal({ ...odd, pid: 0 }, 'SIGKILL')).toBe(false);
  expect(sent).toEqual([]);
});

test('a state that cannot be read is not called dead', async () => {
  await mkdir(join(proc, '7/stat'), { recursive: true });
  expect(() => table.isAlive({ pid: 7, startTicks: 1, bootId: 'boot-1' })).toThrow('cannot be read');
});

test('a real process is known until it ends', async () => {
  const real = new ProcessTable();
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = identify(child.pid, real);
  expect(Math.abs(real.ageMs(identity))).toBeLessThan(10_000);
  expect(identity.bootId).toMatch(/^[0-9a-f-]{36}$/);
  expect(real.isAlive(identity)).toBe(true);
  expect(real.signal(identity, 'SIGKILL')).toBe(true);
  await once(child, 'exit');
  expect(real.isAlive(identity)).toBe(false);
  expect(real.signal(identity, 'SIGKILL')).toBe(false);
});
