import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Outcome } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';
import { FaultHome } from './fault-home.ts';
import { HostClock } from './host-clock.ts';
import { onceSaid } from './once-said.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longer than the daemon rests between two rounds of any of its chores. */
const ROUND_MS = 61 * SECOND_MS;
/** Older than what gc leaves alone for its youth. */
const ORPHAN_AGE_MS = 120 * SECOND_MS;
/** What the command line needs to get the guest's answer to a person. */
const TOLERANCE_MS = 5 * SECOND_MS;

let home: FaultHome;
let clock: HostClock;
let vm: VmView;
beforeAll(() => {
  home = FaultHome.stocked();
  clock = new HostClock(home.path);
  home.env = clock.env;
  mkdirSync(home.at('config'), { mode: 0o700 });
  writeFileSync(home.at('config', 'config.toml'), 'auto_stop_stale_after = "2h"\n', { mode: 0o600 });
});
afterAll(async () => {
  await home.remove();
  clock.close();
});

const exec = (script: string): Promise<Outcome> =>
  home.run(['vm', 'exec', 'timely', '--', 'sh', '-c', script]);

/** The VM runs on in the same process and the same boot, its agent answers, and its time is that of the host. */
async function expectUndisturbed(): Promise<void> {
  const { state, runtime } = await home.show('timely');
  expect({ state, pid: runtime?.pid, boot: runtime?.bootId, agent: runtime?.agent }).toEqual({
    ...{ state: 'running', agent: 'ready' },
    ...{ pid: vm.runtime?.pid, boot: vm.runtime?.bootId },
  });
  const { stdout, stderr } = await exec('date +%s');
  expect(Math.abs(Number(stdout) * SECOND_MS - clock.now()), stderr).toBeLessThan(TOLERANCE_MS);
}

/** Each chore of the daemon has its round: the one that is known to be over is that of the reaper, which takes an orphan that lies there. */
async function letChoresRun(): Promise<void> {
  const orphan = home.at('state', 'images', '.staging-other.0123456789ab');
  mkdirSync(orphan);
  const made = new Date(clock.now() - ORPHAN_AGE_MS);
  utimesSync(orphan, made, made);
  clock.pass(ROUND_MS);
  await until('the reaper', async () => {
    await home.list();
    return existsSync(orphan) ? undefined : true;
  });
}

test('set two days back while a VM boots: it boots all the same, and has the new time', async () => {
  const made = await home.run(['vm', 'create', '--name', 'timely', '--memory', '256'], {
    onStart: (child) => onceSaid(child, /^Starting the virtual machine/m, () => clock.set(-2 * DAY_MS)),
  });
  expect(made).toMatchObject({ status: 0 });
  vm = await home.show('timely');
  await expectUndisturbed();
});

test('set from two days back to two days on: no chore of the daemon takes the VM for one that nobody uses', async () => {
  clock.set(2 * DAY_MS);
  await letChoresRun();
  await expectUndisturbed();
});

test('set back again while a command runs: that goes on to its end, and the VM runs on', async () => {
  let begun = false;
  const command = home.run(['vm', 'exec', 'timely', '--', 'sh', '-c', 'echo begun; sleep 3; echo ended'], {
    onStart: (child) => child.stdout?.once('data', () => (begun = true)),
  });
  await until('the command to begin', async () => (begun ? true : undefined));
  clock.set(-2 * DAY_MS);
  await letChoresRun();
  expect(await command).toMatchObject({ status: 0, stdout: 'begun\nended\n' });
  await expectUndisturbed();
});

test('set right while no daemon runs: the next one knows the VM by its process, and takes it over', async () => {
  process.kill(await home.daemonPid(), 'SIGKILL');
  await until('the daemon to be gone', async () =>
    processesOf(home.path).some(({ argv }) => argv.includes('bangerd')) ? undefined : true,
  );
  clock.set(0);
  await expectUndisturbed();
});

test('time that does pass is seen to: the VM that nobody has used is stopped', async () => {
  clock.pass(3 * HOUR_MS);
  const view = await until('the VM to be stopped', async () => {
    const seen = await home.show('timely');
    return seen.state === 'stopped' ? seen : undefined;
  });
  expect(view.reason).toMatch(/^unused for .*: stopped by auto_stop_stale_after$/);
});

test('set two days on while a VM stops: it ends by itself, and its deletion leaves nothing', async () => {
  expect(await home.run(['vm', 'start', 'timely'])).toMatchObject({ status: 0 });
  const stopped = await home.run(['vm', 'stop', 'timely'], {
    onStart: (child) => child.stderr?.once('data', () => clock.set(2 * DAY_MS)),
  });
  expect(stopped).toMatchObject({ status: 0, stdout: 'timely: stopped\n' });
  expect(await home.run(['vm', 'delete', 'timely'])).toMatchObject({ status: 0 });
  await home.expectNothingLeft();
});
