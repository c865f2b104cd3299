import { describe, expect, test } from 'vitest';
import { startFailure } from '@banger/contract/daemon-exit';
import { BangerError } from '@banger/contract/error';
import { runDoctor, type DoctorOptions } from './run-doctor.ts';

/** A program of the daemon that runs the given script, with its arguments from `process.argv[1]` on. */
function program(script: string): DoctorOptions {
  return { command: [process.execPath, '--eval', script], env: {} };
}

describe("the doctor of the daemon's program", () => {
  test('is asked for by its argument, and its report is given', async () => {
    const script = `console.log(JSON.stringify({ ok: true, checks: process.argv.slice(1) }))`;
    expect(await runDoctor(program(script))).toEqual({ ok: true, checks: ['doctor'] });
  });

  test("fails with the program's own reason", async () => {
    const line = JSON.stringify(startFailure(new BangerError('disk_full', 'There is no room.')));
    const script = `console.error('a warning'); console.error(${JSON.stringify(line)}); process.exitCode = 1;`;
    await expect(runDoctor(program(script))).rejects.toMatchObject({
      code: 'disk_full',
      message: 'There is no room.',
    });
  });

  test.each([
    ['ends with another status', `console.error('broken'); process.exitCode = 4`, /exit status 4.*\nbroken/],
    ['says something else', `console.log('hello')`, /exit status 0/],
    ['has a report of another kind', `console.log('{}')`, /exit status 0/],
    ['hangs', `setInterval(() => {}, 1000)`, /not over after 0.3 s/],
    ['is killed', `process.kill(process.pid, 'SIGKILL')`, /SIGKILL/],
  ])('fails when it %s', async (_what, script, says) => {
    await expect(
      runDoctor({ ...program(script), doctorMs: says.source.includes('0.3') ? 300 : 9_000 }),
    ).rejects.toMatchObject({
      code: 'daemon_unreachable',
      message: expect.stringMatching(says) as string,
    });
  });

  test('fails when it is not there', async () => {
    await expect(runDoctor({ command: ['/none/node'], env: {} })).rejects.toMatchObject({
      code: 'daemon_unreachable',
      message: expect.stringContaining('ENOENT') as string,
    });
  });

  test('ends with its caller', async () => {
    const signal = AbortSignal.timeout(100);
    await expect(runDoctor({ ...program('setInterval(() => {}, 1000)'), signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});
