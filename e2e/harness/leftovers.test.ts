import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { processesOf } from './leftovers.ts';
import { until } from './until.ts';

/** No directory: a name that stands in the argv of what is started here alone. */
const home = `/nowhere/banger-leftovers-${process.pid}`;
let parent: ChildProcess | undefined;

/** Starts a script as a session of its own with the home in its argv; resolves with the pid that it prints. */
async function start(script: string, ...environment: string[]): Promise<number> {
  parent = spawn('env', ['-i', ...environment, 'PATH=/usr/bin:/bin', 'sh', '-c', script, home], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const [line] = (await once(parent.stdout ?? expect.fail('no pipe'), 'data')) as [Buffer];
  return Number(line.toString());
}

const pids = (): number[] => processesOf(home).map(({ pid }) => pid);

afterEach(async () => {
  for (const { pid } of processesOf(home)) process.kill(pid, 'SIGKILL');
  await until('the processes to be gone', async () => (pids().length === 0 ? true : undefined));
});

test('a child that does not know the home is seen, also when its parent has been killed', async () => {
  const child = await start('sleep 600 >/dev/null & echo $!; wait');
  expect(new Set(pids())).toEqual(new Set([parent?.pid, child]));
  parent?.kill('SIGKILL');
  await until('the parent to be gone', async () => (pids().length === 1 ? true : undefined));
  expect(pids()).toEqual([child]);
  process.kill(child, 'SIGKILL');
  await until('the child to be gone', async () => (pids().length === 0 ? true : undefined));
});

test('one that left the session is remembered when it was seen before', async () => {
  const child = await start('setsid sleep 600 >/dev/null & echo $!; wait');
  await until('the session of its own', async () =>
    readFileSync(`/proc/${child}/stat`, 'utf8').split(' ')[5] === String(child) ? true : undefined,
  );
  expect(new Set(pids())).toEqual(new Set([parent?.pid, child]));
  parent?.kill('SIGKILL');
  await until('the parent to be gone', async () => (pids().length === 1 ? true : undefined));
  expect(pids()).toEqual([child]);
});

test('a zombie has ended', async () => {
  // The shell becomes a program that asks for no child's end.
  const child = await start('sleep 0 & echo $!; exec sleep 600 >/dev/null', `BANGER_HOME=${home}`);
  await until('the zombie', async () =>
    readFileSync(`/proc/${child}/stat`, 'utf8').includes(') Z ') ? true : undefined,
  );
  expect(pids()).toEqual([parent?.pid]);
});
