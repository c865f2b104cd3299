import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { seenAll } from '../harness/seen.ts';
import { until } from '../harness/until.ts';
import { FaultHome } from './fault-home.ts';
import { onceSaid } from './once-said.ts';

const small = ['--memory', '256'];
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** As fast as a person presses keys. */
const PRESS_MS = 300;

/** A program ended by a signal, as a shell shows it. */
const statusOf = (signal: (typeof signals)[number]): number => 128 + constants.signals[signal];

/** Sends a signal once the program has written something of that form to standard error. */
function when(said: RegExp, signal: NodeJS.Signals): (child: ChildProcess) => void {
  return (child) => onceSaid(child, said, () => void child.kill(signal));
}

/** One message, and no other error on the way out. */
function expectInterrupted({ status, stderr }: Outcome, signal: (typeof signals)[number]): void {
  expect(stderr.match(/^error\[\w+\]: .*/gm)).toEqual([`error[cancelled]: Interrupted by ${signal}.`]);
  expect(status).toBe(statusOf(signal));
}

describe('a signal while a VM is made and started', () => {
  let home: FaultHome;
  beforeAll(() => {
    home = FaultHome.stocked();
  });
  afterEach(({ task }) => home.tidy(task.result?.state === 'fail'));
  afterAll(() => home.remove());

  test.each(signals)(
    '%s in `run`, in `run --rm` and in `create`, while it boots: nothing is left',
    async (signal) => {
      const lines = [
        ['vm', 'run', ...small, '--', 'true'],
        ['vm', 'run', '--rm', ...small, '--', 'true'],
        ['vm', 'create', ...small],
      ];
      const outcomes = await Promise.all(
        lines.map((argv) => home.run(argv, { onStart: when(/^Starting the virtual machine/m, signal) })),
      );
      for (const outcome of outcomes) expectInterrupted(outcome, signal);
      await home.expectNothingLeft();
    },
  );

  test('kill -9 of the command line while a VM boots: nothing is left', async () => {
    const { signal } = await home.run(['vm', 'run', ...small, '--', 'true'], {
      onStart: when(/^Starting the virtual machine/m, 'SIGKILL'),
    });
    expect(signal).toBe('SIGKILL');
    await until('the VM to be gone', async () =>
      (await seenAll(home.path)).length === 0 && home.leftovers().length === 0 ? true : undefined,
    );
  });
});

describe('a signal in the middle of the session of `run --rm`', () => {
  let home: FaultHome;
  beforeAll(() => {
    home = FaultHome.stocked();
  });
  afterEach(({ task }) => home.tidy(task.result?.state === 'fail'));
  afterAll(() => home.remove());

  test.each(signals)('%s: the command ends, and nothing is left', async (signal) => {
    const { status, stderr } = await home.run(
      ['vm', 'run', '--rm', ...small, '--', 'bash', '-c', 'echo ready >&2; exec sleep 1000'],
      { onStart: when(/^ready$/m, signal) },
    );
    expect(status).toBe(statusOf(signal));
    expect(stderr).not.toMatch(/^error/m);
  });
});

describe('a signal in the middle of a session in a VM that stays', () => {
  let home: FaultHome;
  beforeAll(() => {
    home = FaultHome.stocked();
  });
  afterAll(async () => {
    expect(await home.run(['vm', 'delete', 'left'])).toMatchObject({ status: 0 });
    await home.expectNothingLeft();
    await home.remove();
  });

  const script = 'trap "" HUP; echo ready >&2; sleep 1000';

  /** It ignores the hang-up, so that it is killed a moment later. */
  const expectSleeperGone = async (): Promise<void> => {
    // pidwait(1) ends with 1 when there is none any more, timeout(1) with 124.
    const wait = ['timeout', '60', 'pidwait', '-x', 'sleep'];
    const { status, stderr } = await home.run(['vm', 'exec', 'left', '--', ...wait]);
    expect([0, 1], stderr).toContain(status);
  };

  test('SIGHUP in `run`, or SIGINT again and again in `exec`: the VM runs on, the command does not', async () => {
    const { status } = await home.run(['vm', 'run', '--name', 'left', ...small, '--', 'sh', '-c', script], {
      onStart: when(/^ready$/m, 'SIGHUP'),
    });
    expect(status).toBe(129);
    expect(await home.show('left')).toMatchObject({ state: 'running' });
    await expectSleeperGone();

    let presses: NodeJS.Timeout | undefined;
    const insisted = await home.run(['vm', 'exec', 'left', '--', 'sh', '-c', `trap "" INT; ${script}`], {
      onStart: (child) =>
        onceSaid(child, /^ready$/m, () => {
          presses = setInterval(() => child.kill('SIGINT'), PRESS_MS);
        }),
    });
    clearInterval(presses);
    expect(insisted.status).toBe(130);
    await expectSleeperGone();
  });

  // At each answer, so that one lost on the way is missed. Not of bash, which forgets one itself when it comes as its trap ends, after the
  // answer: `run_pending_traps` (trap.c, to 5.3 at least) takes the signal as seen before it runs the trap, and once more behind it.
  test('SIGTERM whenever the command has ignored one: each comes through, and the third of some seconds ends the session', async () => {
    const deaf = 'trap "echo no >&2" TERM; echo ready >&2; while :; do sleep 0.1; done';
    const { status } = await home.run(['vm', 'exec', 'left', '--', 'dash', '-c', deaf], {
      onStart: (child) => {
        when(/^ready$/m, 'SIGTERM')(child);
        child.stderr?.on('data', (chunk: Buffer) => {
          if (chunk.toString().includes('no\n')) child.kill('SIGTERM');
        });
      },
    });
    expect(status).toBe(143);
  });
});

describe('an image build that is cut off', () => {
  let home: FaultHome;
  let temporary: string;
  const pull = (onStart: (child: ChildProcess) => void): Promise<Outcome> =>
    home.run(['image', 'pull', 'debian-bookworm'], { onStart, env: { TMPDIR: temporary } });
  const begun = /^Fetching package lists/m;
  /** A step is said in writing when it is over. By then all is there that a program needs to run in the tree. */
  const unpacked = /^Unpacking the base system/m;

  /** Waits until a program of the tree runs in it: by then it has mounts, too. */
  const setsItselfUp = (): Promise<true> =>
    until('a program to run in the tree', async () =>
      processesOf(home.path).some(({ pid }) => rootOf(pid).startsWith(home.at('state'))) ? true : undefined,
    );

  beforeAll(async () => {
    home = FaultHome.empty();
    temporary = home.at('tmp');
    mkdirSync(temporary);
    // The daemon has the environment of the command that starts it.
    expect(await home.run(['vm', 'list'], { env: { TMPDIR: temporary } })).toMatchObject({ status: 0 });
  });
  afterEach(async () => {
    expect(await home.images()).toEqual([]);
    await home.expectNothingLeft();
    expect(readdirSync(temporary)).toEqual([]);
  });
  afterAll(() => home.remove());

  // The other signals take the same way: the tests above.
  test('by SIGINT: nothing is left, no mount, no process, no file', async () => {
    expectInterrupted(await pull(when(begun, 'SIGINT')), 'SIGINT');
  });

  test('by kill -9 of the command line: the same', async () => {
    expect((await pull(when(begun, 'SIGKILL'))).signal).toBe('SIGKILL');
    await until('the build to be gone', async () => (home.leftovers().length === 0 ? true : undefined));
  });

  test('by kill -9 of the daemon: its programs end with it, the next daemon removes the rest', async () => {
    const pid = await home.daemonPid();
    expect(pid).toBeGreaterThan(1);
    let killed: Promise<boolean> | undefined;
    const outcome = await pull((child) =>
      onceSaid(child, unpacked, () => {
        killed = setsItselfUp().then(() => process.kill(pid, 'SIGKILL'));
      }),
    );
    expect(await killed).toBe(true);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr.match(/^error\[daemon_unreachable\]: /gm)).toHaveLength(1);
    await home.list();
    await until('the build to be gone', async () => (home.leftovers().length === 0 ? true : undefined));
  });
});

/** The root directory of a process; empty when it has ended. */
function rootOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return '';
  }
}
