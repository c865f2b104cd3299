import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DaemonStatus } from '@banger/contract/daemon';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANGER_BIN, banger, bangerJson, startBanger, type Outcome } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { makeOtherBuild } from '../harness/other-build.ts';
import { until } from '../harness/until.ts';

let home: string;
beforeAll(() => (home = mkdtempSync(join(tmpdir(), 'banger-daemon-'))));
afterAll(async () => {
  await banger(['daemon', 'stop'], { home });
  expect(processesOf(home)).toEqual([]);
  rmSync(home, { recursive: true });
});

const status = () => bangerJson<DaemonStatus>(['daemon', 'status'], { home });

describe('the daemon', () => {
  test('is not started by what only asks for it', async () => {
    expect(await banger(['daemon', 'status'], { home })).toMatchObject({
      status: 3,
      stdout: expect.stringMatching(/^not running/),
    });
    expect(await banger(['daemon', 'stop'], { home })).toMatchObject({ status: 0 });
    expect(await banger(['version'], { home })).toMatchObject({ status: 0 });
    expect(processesOf(home)).toEqual([]);
  });

  test('is started by a command that needs it, once, however many come at the same time', async () => {
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => banger(['ps', '--json'], { home })));
    expect(outcomes.map((outcome) => [outcome.status, outcome.stdout])).toEqual(
      outcomes.map(() => [0, '[]\n']),
    );
    expect(processesOf(home)).toHaveLength(1);
    expect(await status()).toMatchObject({ vms: { total: 0, running: 0 }, busy: [] });
  });

  test('lets nobody else into its directories, files and sockets (B9)', async () => {
    const { socket } = await status();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const modes = (folder: string): string[] =>
      readdirSync(folder, { withFileTypes: true, recursive: true }).map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return `${entry.isDirectory() ? 'directory' : 'file'} ${(statSync(path).mode & 0o777).toString(8)} ${path}`;
      });
    for (const entry of modes(home)) expect(entry).toMatch(/^(directory 700|file 600) /);
  });

  test('writes JSON lines that carry the id of the operation', async () => {
    const refused = await banger(['vm', 'show', 'nope', '--json'], { home });
    const { error } = JSON.parse(refused.stderr) as { error: { details: { operation: string } } };
    const { log } = await status();
    const lines = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find(({ op }) => op === error.details.operation)).toMatchObject({
      method: 'vm.show',
      code: 'vm_not_found',
    });
  });

  test('is one per state directory: a second one says who holds it, and changes nothing', async () => {
    const { pid } = await status();
    const second = spawn(process.execPath, [join(dirname(BANGER_BIN), 'bangerd.mjs')], {
      env: { ...process.env, BANGER_HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    second.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [exitCode] = (await once(second, 'close')) as [number];
    expect(exitCode).not.toBe(0);
    expect(said).toContain(`pid ${pid}`);
    expect((await status()).pid).toBe(pid);
  });

  test('is replaced by a command of another build when it is idle, and named when it is busy (A10)', async () => {
    const { pid, build } = await status();
    const other = makeOtherBuild(build.build);
    const otherPs = (): Promise<Outcome> => banger(['ps'], { home, bin: other.bin });
    try {
      const pull = startBanger(['image', 'pull', 'debian-bookworm-systemd'], { home });
      await until('the daemon to be busy', async () => ((await status()).busy.length > 0 ? true : undefined));
      expect(await otherPs()).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/daemon_build_mismatch[\s\S]*image\.pull/),
      });
      const ended = once(pull, 'close');
      pull.kill('SIGINT');
      await ended;
      await until('the daemon to be idle', async () =>
        (await status()).busy.length === 0 ? true : undefined,
      );

      expect(await otherPs()).toMatchObject({ status: 0 });
      expect(processesOf(home)).toHaveLength(1);
      const now = await banger(['daemon', 'status', '--json'], { home });
      expect(now.stdout).toContain(other.build);
      expect(now.stdout).not.toContain(`"pid": ${pid},`);
    } finally {
      await banger(['daemon', 'stop'], { home });
      other.remove();
    }
  });

  test('a stop ends it; the next command starts another', async () => {
    await banger(['ps'], { home });
    const { pid } = await status();
    expect(await banger(['daemon', 'stop'], { home })).toMatchObject({ status: 0 });
    expect(processesOf(home)).toEqual([]);
    await banger(['ps'], { home });
    expect((await status()).pid).not.toBe(pid);
  });
});
