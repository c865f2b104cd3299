import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANGER_BIN, type Outcome } from '../harness/banger.ts';
import { until } from '../harness/until.ts';
import { FaultHome } from './fault-home.ts';

const name = 'pipes';
/** Longer than any of these takes: one that hangs is ended. */
const DEADLINE_MS = 60_000;

describe('standard streams that are closed, broken or full', () => {
  let home: FaultHome;
  beforeAll(async () => {
    home = FaultHome.stocked();
    const made = await home.run(['vm', 'create', '--name', name, '--memory', '256']);
    expect(made).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    await home.run(['vm', 'delete', name]);
    await home.expectNothingLeft();
    await home.remove();
  });

  /** Runs a line of sh in which `$banger` is the program, as a person types it. */
  async function shell(line: string): Promise<Outcome> {
    const child = spawn('sh', ['-c', `banger() { "$NODE" "$BIN" "$@"; }; ${line}`], {
      env: { ...process.env, NODE: process.execPath, BIN: BANGER_BIN, BANGER_HOME: home.path },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { status, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }

  const exec = `banger vm exec ${name} --`;

  test('no standard input: the command sees its end', async () => {
    expect(await shell(`${exec} cat <&-`)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await shell(`${exec} sh -c 'cat; echo end' </dev/null`)).toMatchObject({
      status: 0,
      stdout: 'end\n',
    });
    expect(await shell('banger vm run --rm --memory 256 -- cat <&- 2>/dev/null')).toMatchObject({
      status: 0,
    });
  });

  test('a shell without standard input ends at once', async () => {
    expect(await shell(`banger vm shell ${name} <&- 2>/dev/null`)).toMatchObject({ status: 0 });
  });

  test('no standard output, no standard error: the status is told all the same', async () => {
    expect(await shell(`${exec} sh -c 'echo lost; exit 7' >&-`)).toMatchObject({ status: 7 });
    expect(await shell(`${exec} sh -c 'echo lost >&2; exit 8' 2>&-`)).toMatchObject({ status: 8 });
    expect(await shell(`${exec} no-such-command 2>&-`)).toMatchObject({ status: 127 });
    expect(await shell(`banger vm list >&- 2>&-`)).toMatchObject({ stdout: '', stderr: '' });
  });

  test('nobody reads the output: ended as by SIGPIPE, and silently', async () => {
    const { stdout, stderr } = await shell(`{ ${exec} yes; echo "status $?" >&2; } | head -n 1`);
    expect(stdout).toBe('y\n');
    expect(stderr).toBe('status 141\n');
    expect(await shell(`{ banger vm list --json; echo "status $?" >&2; } | true`)).toMatchObject({
      stderr: expect.stringMatching(/^status (?:0|141)\n$/),
    });
    // The command in the guest is gone too.
    expect(await shell(`sleep 1; ${exec} sh -c 'pgrep -c yes || true'`)).toMatchObject({ stdout: '0\n' });
  });

  test('the output goes where there is no room: said, and not taken for success', async () => {
    for (const [line, failed] of [
      [`${exec} echo lost`, 125],
      ['banger vm list', 1],
      ['banger --help', 1],
    ] as const) {
      const { status, stderr } = await shell(`${line} >/dev/full`);
      expect(status, line).toBe(failed);
      expect(stderr, line).toMatch(/^error\[output_failed\]: .*ENOSPC.*\nhint: \S.*\n$/);
    }
    const { status, stderr } = await shell('banger vm list --json >/dev/full');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'output_failed' } });
  });

  test('input that comes after the command has ended is no error', async () => {
    expect(await shell(`yes | ${exec} head -n 1`)).toMatchObject({ status: 0, stdout: 'y\n', stderr: '' });
    expect(await shell(`yes | ${exec} true`)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('a client that is killed while its input is held back takes its command along, and its stream', async () => {
    // The command reads nothing: all pipes on the way are full soon.
    const line = `"$NODE" "$BIN" vm exec ${name} -- sleep 12345 </dev/zero & pid=$!; sleep 3; kill -KILL $pid`;
    await shell(line);
    const sleeps = `${exec} pgrep -fc '^sleep 12345'`;
    await until('the command to be gone', async () =>
      (await shell(sleeps)).stdout === '0\n' ? true : undefined,
    );
    expect((await home.json<{ busy: readonly string[] }>(['daemon', 'status'])).busy).toEqual([]);
  });
});
