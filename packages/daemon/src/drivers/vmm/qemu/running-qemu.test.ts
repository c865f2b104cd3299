import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../../host/clock.ts';
import type { VmmEvent } from '../driver.ts';
import { ScriptedQemu } from '../fake/scripted-qemu.ts';
import type { QemuHandle } from './handle.ts';
import { QmpConnection } from './qmp-connection.ts';
import { RunningQemu } from './running-qemu.ts';

/** Waits take a twentieth of their time. */
const HASTE = 20;
const hurried: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * HASTE,
  sleep: (ms, signal) => systemClock.sleep(ms / HASTE, signal),
};

let dir: string;
let qemu: ScriptedQemu;
let handle: QemuHandle;
let alive: boolean;
let signals: NodeJS.Signals[];
/** Signals that the process does not heed. */
let deaf: Set<NodeJS.Signals>;
const opened: RunningQemu[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'qemu-'));
  qemu = await ScriptedQemu.listen(join(dir, 'qmp.sock'));
  [alive, signals, deaf] = [true, [], new Set()];
  handle = {
    driver: 'qemu',
    id: 'vm',
    token: 'token',
    process: { pid: 1, startTicks: 2, bootId: 'boot' },
    controlSocket: join(dir, 'qmp.sock'),
    agentSocket: join(dir, 'agent.sock'),
    version: '7.2.22',
    accel: 'tcg',
    vmmLog: join(dir, 'vmm.log'),
    vmmLogStart: 8,
  };
});
afterEach(async () => {
  for (const running of opened.splice(0)) running.release();
  await qemu.close();
  await rm(dir, { recursive: true });
});

async function die(): Promise<void> {
  alive = false;
  await qemu.close();
}

async function attend(exited?: Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>) {
  const processes = {
    isAlive: () => alive,
    usage: () => (alive ? { cpuMs: 0, residentBytes: 0 } : undefined),
    signal: (_process: unknown, signal: NodeJS.Signals) => {
      signals.push(signal);
      if (!deaf.has(signal)) void die();
      return true;
    },
  };
  const deps = { processes, clock: hurried };
  const qmp = await QmpConnection.open(handle.controlSocket, systemClock);
  const running = await RunningQemu.attend(handle, qmp, deps, exited);
  opened.push(running);
  const events: VmmEvent[] = [];
  running.onEvent((event) => events.push(event));
  return { running, events };
}

const quits = () => qemu.commands.filter(({ execute }) => execute === 'quit');

/** A QEMU that is told to quit does so. */
function quitting(): void {
  qemu.answers.set('quit', 'silence');
  void vi.waitUntil(() => quits().length > 0, { timeout: 5_000 }).then(die, () => undefined);
}

describe('a running QEMU', () => {
  it.each([
    ['SHUTDOWN', { guest: true, reason: 'guest-shutdown' }, 'guest-poweroff'],
    ['GUEST_PANICKED', { action: 'pause' }, 'guest-panic'],
  ] as const)('that says %s is told to quit, and ended so', async (event, data, kind) => {
    quitting();
    const { running } = await attend();
    qemu.event(event, data);
    expect(await running.ended).toEqual({ kind, detail: '' });
    expect(quits()).toHaveLength(1);
    expect(signals).toEqual([]);
  });

  it.each([
    ['shutdown', { kind: 'guest-poweroff', detail: '' }],
    ['guest-panicked', { kind: 'guest-panic', detail: '' }],
  ])('whose guest was found "%s" is ended so', async (status, end) => {
    quitting();
    qemu.answers.set('query-status', { value: { status } });
    const { running } = await attend();
    expect(await running.ended).toEqual(end);
  });

  it('that stopped by an internal error is ended, and says so', async () => {
    quitting();
    const { running } = await attend();
    qemu.answers.set('query-status', { value: { status: 'internal-error' } });
    qemu.event('STOP', {});
    expect(await running.ended).toMatchObject({
      kind: 'vmm-died',
      detail: expect.stringContaining('internal error') as string,
    });
  });

  it('is not ended by what the host asked of it', async () => {
    const { running, events } = await attend();
    qemu.event('SHUTDOWN', { guest: false, reason: 'host-signal' });
    qemu.event('RESET', { guest: false, reason: 'host-qmp-system-reset' });
    expect(await running.status()).toBe('running');
    expect(events).toEqual([]);
    expect(quits()).toEqual([]);
  });

  it('tells what goes on', async () => {
    const { running, events } = await attend();
    qemu.event('RESET', { guest: true, reason: 'guest-reset' });
    qemu.event('BLOCK_IO_ERROR', {
      device: '',
      'node-name': 'node-work',
      operation: 'write',
      action: 'stop',
      nospace: true,
      reason: 'No space left on device',
    });
    qemu.event('NETDEV_STREAM_DISCONNECTED', { 'netdev-id': 'net' });
    qemu.event('VSERPORT_CHANGE', { id: 'agent', open: true });
    qemu.event('VSERPORT_CHANGE', { id: 'agent', open: false });
    qemu.event('VSERPORT_CHANGE', { id: 'other', open: false });
    qemu.event('RTC_CHANGE', { offset: 1 });
    await running.status();
    expect(events).toEqual([
      { kind: 'guest-reboot' },
      {
        kind: 'disk-error',
        serial: 'work',
        operation: 'write',
        full: true,
        reason: 'No space left on device',
      },
      { kind: 'network-lost' },
      { kind: 'agent-gone' },
    ]);
  });

  it('asks for the status when an event has not its documented form', async () => {
    const { running } = await attend();
    const before = qemu.commands.length;
    qemu.event('SHUTDOWN', {});
    qemu.event('BLOCK_IO_ERROR', { operation: 'dance' });
    await vi.waitUntil(() => qemu.commands.length >= before + 2);
    expect(await running.status()).toBe('running');
  });

  it('that dies of itself is told with how it exited and its last words of this run', async () => {
    await writeFile(handle.vmmLog, 'of then\n2026-01-01T00:00:00.000000Z qemu: \u001b[31mout of luck\n');
    const { running } = await attend(Promise.resolve({ exitCode: 1, signal: null }));
    await die();
    const { kind, detail } = await running.ended;
    expect(kind).toBe('vmm-died');
    expect(detail).toBe('exit code 1: qemu:  [31mout of luck');
  });

  it('is asked again over a new connection when the old one breaks, and what was missed is learnt', async () => {
    const { running } = await attend();
    qemu.answers.set('query-status', { value: { status: 'shutdown' } });
    quitting();
    qemu.hangUp();
    expect(await running.ended).toMatchObject({ kind: 'guest-poweroff' });
  });

  it('that does not quit is killed', async () => {
    const { running } = await attend();
    qemu.event('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    expect(await running.ended).toMatchObject({ kind: 'guest-poweroff' });
    expect(signals).toEqual(['SIGKILL']);
  });

  it('is ended gently, and then not', async () => {
    deaf.add('SIGTERM');
    const { running } = await attend();
    await running.end();
    expect(signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(await running.ended).toEqual({ kind: 'killed', detail: 'SIGTERM' });
  });

  it('that was let go of tells nothing more', async () => {
    const { running } = await attend();
    running.release();
    await running.over;
    await die();
    const pending = Symbol('pending');
    expect(await Promise.race([running.ended, systemClock.sleep(100).then(() => pending)])).toBe(pending);
  });

  it('does not shrink a disk, nor grow one that it has not', async () => {
    qemu.answers.set('query-named-block-nodes', {
      value: [
        { 'node-name': '#block123', image: { 'virtual-size': 7 } },
        { 'node-name': 'node-work', image: { 'virtual-size': 4096 } },
      ],
    });
    const { running } = await attend();
    await expect(running.resizeDisk('work', 4095)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(running.resizeDisk('root', 8192)).rejects.toMatchObject({ code: 'invalid_argument' });
    await running.resizeDisk('work', 8192);
    expect(qemu.commands.at(-1)).toEqual({
      execute: 'block_resize',
      arguments: { 'node-name': 'node-work', size: 8192 },
    });
  });
});
