import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../harness/banger.ts';
import { seen } from '../harness/seen.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';
import { HostClock } from './host-clock.ts';

/** How much time passes in a hurry, and how long the machine has for it: the command line starts in it as well. */
const HURRY_MS = 1_000;
const HURRY_TAKES_MS = 250;
/** What is known to be silent is asked for 3 s more, an agent that still seems to be there for 30 s. */
const REFUSED_MS = 20_000;
const NOT_ANSWERED_MS = 60_000;
/** A guest that is asked in vain answers for 5 s, or has 60 s to end by itself. */
const STOPPED_MS = 90_000;

/**
 * Puts an instruction that only the kernel may execute where the process returns from the system call that it waits in: the last word
 * of /proc/PID/syscall, proc_pid_syscall(5).
 */
const CRASH_OF_PID_1 = `
  for word in $(cat /proc/1/syscall); do :; done
  printf '\\364' | dd of=/proc/1/mem bs=1 seek=$((word)) conv=notrunc
  sleep 100`;
const FORK_BOMB = 'bomb() { bomb & bomb; }; echo begun; bomb';

let home: FaultHome;
let clock: HostClock;
beforeAll(() => {
  home = FaultHome.stocked(['debian-bookworm', 'debian-bookworm-systemd']);
  clock = new HostClock(home.path);
  home.env = clock.env;
});
afterAll(async () => {
  try {
    await home.expectNothingLeft();
  } finally {
    await home.remove();
    clock.close();
  }
});

async function create(name: string, ...options: string[]): Promise<VmView> {
  return home.json<VmView>(['vm', 'create', '--name', name, ...options]);
}
const guest = (name: string, script: string): Promise<Outcome> =>
  home.run(['vm', 'exec', name, '--', 'sh', '-c', script]);
const ps = async (name: string): Promise<string> => {
  const { stdout } = await home.run(['ps']);
  return stdout.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';
};

/** While it goes on, the time that the daemon gives an agent passes in a hurry: nothing happens in it but that a guest burns a core. */
async function hurried<T>(work: Promise<T>): Promise<T> {
  let over = false;
  const ended = work.finally(() => (over = true));
  while (!over) {
    clock.pass(HURRY_MS);
    // Whoever waits for nothing but time notices only when it is woken.
    const socket = connect(home.at('run', 'bangerd.sock'));
    await once(socket, 'connect');
    socket.destroy();
    await sleep(HURRY_TAKES_MS);
  }
  return ended;
}

/** In a hurry; how long it took is the daemon's time. */
async function timed(work: Promise<Outcome>): Promise<Outcome & { readonly ms: number }> {
  const begun = clock.now();
  const outcome = await hurried(work);
  return { ...outcome, ms: clock.now() - begun };
}

/** Its one VMM is there, and is the one that it had. */
async function expectRuns(name: string, { runtime }: VmView): Promise<void> {
  const now = await home.show(name);
  expect({ state: now.state, pid: now.runtime?.pid }).toEqual({ state: 'running', pid: runtime?.pid });
  expect(process.kill(runtime?.pid ?? 0, 0)).toBe(true);
}

describe('the agent alone', () => {
  test('is killed beside an init that runs on: silent, until the VM is stopped by force', async () => {
    const made = await create('beside', '--image', 'debian-bookworm-systemd', '--memory', '512');
    const open = guest('beside', 'kill -9 $PPID; sleep 1000');
    const view = await until('the silence to be told', async () => {
      const told = await seen(home.path, 'beside');
      return told.runtime?.agent === 'silent' ? told : undefined;
    });
    expect(view.runtime?.agentReason).toMatch(/^The agent has ended, the guest runs on\./);
    expect(await ps('beside')).toMatch(/running \(silent\)/);
    expectFault(await open, { code: 'agent_lost', status: 125, says: 'The agent has ended' });
    await expectRuns('beside', made);

    const refused = await timed(guest('beside', 'true'));
    expectFault(refused, { code: 'agent_not_ready', status: 125, says: /agent of beside does not answer/ });
    expect(refused.stderr).toMatch(/^hint: .*banger vm restart beside/m);
    expect(refused.ms).toBeLessThan(REFUSED_MS);
    await expectRuns('beside', made);

    const stopped = await timed(home.run(['vm', 'stop', 'beside']));
    expect(stopped).toMatchObject({ status: 0, stdout: expect.stringMatching(/did not power off.*lost/) });
    expect(stopped.ms).toBeLessThan(STOPPED_MS);
    expect(await home.show('beside')).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/did not power off/),
    });
    expect(await home.run(['vm', 'delete', 'beside'])).toMatchObject({ status: 0 });
  });

  test('as PID 1 dies of no signal from inside, its crash is a panic, and no fork bomb keeps its VM', async () => {
    await create('alone', '--memory', '256');
    expect(await guest('alone', 'kill -9 1; kill -SEGV 1; echo $PPID')).toMatchObject({ stdout: '1\n' });
    expectFault(await guest('alone', CRASH_OF_PID_1), {
      code: 'vmm_gone',
      status: 125,
      says: /alone ended while the command ran: .*panicked: Attempted to kill init! exitcode=0x0000000b/,
    });
    expect(await home.show('alone')).toMatchObject({
      state: 'error',
      reason: expect.stringMatching(/^The guest kernel panicked: Attempted to kill init/),
    });

    expect(await home.run(['vm', 'start', 'alone'])).toMatchObject({ status: 0 });
    const bombed = await home.show('alone');
    let begun = false;
    const bomb = home.run(['vm', 'exec', 'alone', '--', 'sh', '-c', FORK_BOMB], {
      onStart: (child) => child.stdout?.once('data', () => (begun = true)),
    });
    await until('the bomb', async () => (begun ? true : undefined));
    const refused = await timed(guest('alone', 'sleep 100'));
    expect(refused.stderr).toMatch(/^error\[(?:agent_not_ready|guest_failed)\]: .*\n[^]*^hint: \S/m);
    expect(refused.status).toBe(125);
    expect(refused.ms).toBeLessThan(NOT_ANSWERED_MS);
    await expectRuns('alone', bombed);
    const { runtime } = await home.show('alone');
    expect(runtime?.agentReason === '').toBe(runtime?.agent === 'ready');
    expect(await ps('alone')).toMatch(/ running /);

    const stopped = await timed(home.run(['vm', 'stop', 'alone']));
    expect(stopped.status).toBe(0);
    expect(stopped.ms).toBeLessThan(STOPPED_MS);
    const { state, reason } = await home.show('alone');
    expect(state).toBe('stopped');
    const [why = ''] = reason.split('\n');
    expect(stopped.stdout).toBe(why === '' ? 'alone: stopped\n' : `alone: stopped (${why})\n`);
    expect(why).toMatch(/^$|^The guest did not power off \(.*\); it was ended, and what .* may be lost\.$/);
    expect((await bomb).stderr).toMatch(/^error\[(?:vmm_gone|guest_failed|agent_lost)\]/m);
    expect(await home.run(['vm', 'delete', 'alone'])).toMatchObject({ status: 0 });
  });
});
