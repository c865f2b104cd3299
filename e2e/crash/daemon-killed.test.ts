import { existsSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { HOLDER_FILE } from '../../packages/daemon/src/store/holder.ts';
import { powerOffSteps } from '../../packages/daemon/src/services/vm/stop-steps.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../harness/until.ts';
import { FaultHome } from '../faults/fault-home.ts';
import { onceSaid } from '../faults/once-said.ts';

/**
 * SIGKILL of the real daemon, at a fixed set of moments: all the others are tried on fakes, by the crash suite of the daemon's
 * services. The VMs are shared from test to test, in the order of this file.
 */

const create = ['vm', 'create', '--name', 'box', '--memory', '256'];
/**
 * A step's title is told when the step begins, so when those before it are done: by then there are the directory and the disks; the sockets
 * and the network; the VMM.
 */
const titles = ['Making the runtime directory', 'Starting the virtual machine', 'Booting to the agent'];
const [stopping] = powerOffSteps;
if (stopping === undefined) throw new Error('A stop has no steps.');

let home: FaultHome;
beforeAll(async () => {
  home = FaultHome.stocked();
  await home.list();
});
afterAll(() => home.remove());

/** Process id of the daemon, which the command before has started if need be: it says so itself, and no command has to be run for it. */
function daemonPid(): number {
  return (JSON.parse(readFileSync(home.at('state', HOLDER_FILE), 'utf8')) as { readonly pid: number }).pid;
}

/** Kills the daemon as soon as a stage of the command begins; the command says that the daemon is gone. */
async function killAt(stage: string, argv: readonly string[]): Promise<void> {
  const pid = daemonPid();
  const begins = new RegExp(`^{"progress":.*"stage":"${stage}`, 'm');
  const { status, stdout, stderr } = await home.run([...argv, '--json'], {
    onStart: (child) => onceSaid(child, begins, () => void process.kill(pid, 'SIGKILL')),
  });
  expect(status).toBe(1);
  // Of what is done to several VMs the errors are in the result.
  expect(stdout + stderr).toContain('"daemon_unreachable"');
}

/** The VM of this state, and of it nothing on the host but what that state means. */
async function expectBox(state: string, reason = /^/): Promise<void> {
  const view = await until(`the VM to be ${state}`, async () => {
    const [one, ...more] = await home.list();
    expect(more).toEqual([]);
    return one?.state === state ? one : undefined;
  });
  expect(view.reason).toMatch(reason);
  if (state === 'stopped') expect(home.leftovers()).toEqual([`directory vms/${view.id}`]);
}

describe('the daemon is killed', () => {
  test.each(titles)('in a creation, at "%s": nothing is left', async (title) => {
    await killAt(title, create);
    await home.expectNothingLeft();
  });

  test('while a VM runs: it runs on, and the next daemon has it', async () => {
    expect(await home.run(create)).toMatchObject({ status: 0 });
    const { runtime } = await home.show('box');
    process.kill(daemonPid(), 'SIGKILL');
    const { pid, bootId } = runtime ?? {};
    expect(await home.show('box')).toMatchObject({
      state: 'running',
      runtime: { pid, bootId, agent: 'ready' },
    });
    expect(await home.run(['vm', 'exec', 'box', '--', 'true'])).toMatchObject({ status: 0 });
  });

  test('in a stop: the next daemon goes on with it', async () => {
    await killAt(stopping.title, ['vm', 'stop', 'box']);
    await expectBox('stopped');
    expect(await home.run(['vm', 'stop', 'box'])).toMatchObject({ status: 0 });
  });

  test('in a start: it is stopped, and says why', async () => {
    for (const stage of ['Setting up the network', 'Booting to the agent']) {
      await killAt(stage, ['vm', 'start', 'box']);
      await expectBox('stopped', /daemon ended while the VM was starting/);
    }
  });

  test('in a restart, while it stops and while it starts: the next daemon has it run again', async () => {
    expect(await home.run(['vm', 'start', 'box'])).toMatchObject({ status: 0 });
    for (const stage of [stopping.title, 'Starting the virtual machine']) {
      await killAt(stage, ['vm', 'restart', 'box']);
      await expectBox('running');
    }
  });

  test('in a deletion, when the VMM is gone: the next daemon goes on with it', async () => {
    const { runtime } = await home.show('box');
    const pid = daemonPid();
    const deletion = home.run(['vm', 'delete', 'box']);
    while (existsSync(`/proc/${runtime?.pid}`)) await setImmediate();
    process.kill(pid, 'SIGKILL');
    await deletion;
    await home.expectNothingLeft();
  });

  test('in a kernel pull: the old kernel stays, and nothing is left', async () => {
    const before = await home.kernels();
    // What is fetched from an address goes the same way from there on: `kernel/pull.test.ts` kills the daemon later in it.
    await killAt('Fetching linux-image', ['kernel', 'pull', '--force', 'debian-cloud']);
    expect(await home.kernels()).toEqual(before);
    await home.expectNothingLeft();
  });
});
