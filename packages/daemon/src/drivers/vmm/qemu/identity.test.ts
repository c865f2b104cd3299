import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@banger/testkit/fake-clock';
import { FakeRunner } from '@banger/testkit/fake-runner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProcessTable, type ProcessIdentity } from '../../../host/process-identity.ts';
import type { VmmDriver } from '../driver.ts';
import type { QemuHandle } from './handle.ts';
import { createQemuDriver } from './qemu-driver.ts';

const PID = 4_194_000;
const TICKS = 100;

let proc: string;
let signals: unknown[];
let driver: VmmDriver;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'proc-'));
  signals = [];
  await boot('this-boot');
  await mkdir(join(proc, String(PID)));
  await writeFile(join(proc, String(PID), 'stat'), `${PID} (qemu) S ${'0 '.repeat(18)}${TICKS} 0\n`);
  const refuse = (): Promise<never> => Promise.reject(new Error('not asked for'));
  driver = createQemuDriver({
    runner: new FakeRunner({}),
    processes: new ProcessTable(proc, (pid, signal) => void signals.push([pid, signal])),
    clock: new FakeClock(),
    dir: join(proc, 'check'),
    verdictFile: join(proc, 'verdict.json'),
    machine: { hostKernel: '6.1', cpu: 'A CPU' },
    scratchDisk: refuse,
    hello: refuse,
    probeGuest: refuse,
  });
});
afterEach(() => rm(proc, { recursive: true }));

async function boot(id: string): Promise<void> {
  await mkdir(join(proc, 'sys/kernel/random'), { recursive: true });
  await writeFile(join(proc, 'sys/kernel/random/boot_id'), `${id}\n`);
}

const handleOf = (process: Omit<ProcessIdentity, 'pid'>): QemuHandle => ({
  driver: 'qemu',
  id: 'vm',
  token: 'token',
  process: { pid: PID, ...process },
  controlSocket: join(proc, 'qmp.sock'),
  agentSocket: join(proc, 'agent.sock'),
  version: '7.2',
  accel: 'tcg',
  vmmLog: join(proc, 'vmm.log'),
  vmmLogStart: 0,
});

test.each([
  ['of a boot before', { startTicks: TICKS, bootId: 'an-earlier-boot' }],
  ['that began at another time', { startTicks: TICKS - 1, bootId: 'this-boot' }],
])('a process %s is gone, and who has its pid now gets no signal', async (_what, process) => {
  const handle = handleOf(process);
  await expect(driver.attach(handle)).rejects.toMatchObject({ code: 'vmm_gone' });
  await driver.remove(handle.token, handle);
  expect(signals).toEqual([]);
});
