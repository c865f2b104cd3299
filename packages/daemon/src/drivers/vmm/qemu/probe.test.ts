import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '@banger/testkit/fake-clock';
import { ProcessTable } from '../../../host/process-identity.ts';
import type { Runner } from '../../../host/runner.ts';
import { UNSURE_NO_MS } from './kvm-verdict.ts';
import { QemuProbe, type ProbeDeps } from './probe.ts';
import { QemuFinder } from './program.ts';

let dir: string;
let clock: FakeClock;
let deps: { -readonly [K in keyof ProbeDeps]: ProbeDeps[K] };
/** What the next QEMU says before it aborts. */
let lastWords: string;
let started: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'probe-'));
  const binary = join(dir, 'qemu-system-x86_64');
  const device = join(dir, 'kvm');
  const [kernel, initrd] = [join(dir, 'vmlinux'), join(dir, 'initramfs')];
  for (const path of [binary, device, kernel, initrd]) await writeFile(path, '');
  clock = new FakeClock();
  [lastWords, started] = ['', 0];
  const runner: Runner = {
    which: async () => binary,
    run: async (argv) => ({
      stdout: argv[1] === '--version' ? 'QEMU emulator version 7.2.22' : '',
      stderr: '',
      exitCode: 0,
    }),
    spawnDetached: async (_argv, { logFile = '' } = {}) => {
      started += 1;
      await appendFile(logFile, `${lastWords}\n`);
      return {
        pid: 1,
        exited: Promise.resolve({ exitCode: null, signal: 'SIGABRT' }),
        kill: () => undefined,
      };
    },
  };
  deps = {
    runner,
    clock,
    // Without a process in it: whatever is started has ended already.
    processes: new ProcessTable(dir),
    dir: join(dir, 'check'),
    verdictFile: join(dir, 'verdict.json'),
    machine: { hostKernel: '6.1', cpu: 'A CPU' },
    kvmFiles: { device, cpuinfo: join(dir, 'cpuinfo') },
    scratchDisk: (path) => writeFile(path, ''),
    hello: () => Promise.reject(new Error('nobody answers')),
    probeGuest: async () => ({ kernel, initrd, cmdline: '' }),
  };
});
afterEach(() => rm(dir, { recursive: true }));

const daemon = (): QemuProbe => new QemuProbe(deps, new QemuFinder(deps.runner));

describe('the probe', () => {
  it('keeps a "no" that speaks of KVM, with QEMU\'s words, for every daemon to come', async () => {
    lastWords = 'qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69';
    let trials = 0;
    const onTrial = (): void => void (trials += 1);
    const { accel } = await daemon().probe(undefined, onTrial);
    expect(accel).toMatchObject({ accel: 'tcg', cached: false });
    expect(trials).toBe(1);
    expect(accel.reason).toContain('failed to set MSR 0x10a');
    await clock.advance(10 * UNSURE_NO_MS);
    expect((await daemon().probe(undefined, onTrial)).accel).toEqual({ ...accel, cached: true });
    expect(trials).toBe(1);
    expect(started).toBe(1);
  });

  it.each([
    "cannot set up guest memory 'pc.ram': Cannot allocate memory (kvm)",
    'Could not open the disk: Too many open files',
  ])('tries again after a while when QEMU said: %s', async (words) => {
    lastWords = words;
    const { accel } = await daemon().probe();
    expect(accel.accel).toBe('tcg');
    expect((await daemon().probe()).accel.cached).toBe(true);
    await clock.advance(UNSURE_NO_MS);
    expect((await daemon().probe()).accel.cached).toBe(false);
    expect(started).toBe(2);
  });

  it('does not take the name of its own directory for a word on KVM', async () => {
    lastWords = `Could not open '${deps.dir}/root.ext4': Input/output error; banger-kvm-check`;
    await daemon().probe();
    await clock.advance(UNSURE_NO_MS);
    expect((await daemon().probe()).accel.cached).toBe(false);
  });

  it('tries once for many callers, and goes on for the others when one of them leaves', async () => {
    lastWords = 'kvm run failed';
    const probe = daemon();
    const abort = new AbortController();
    const leaving = probe.probe(abort.signal);
    const staying = [probe.probe(), probe.probe()];
    abort.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'cancelled' });
    for (const { accel } of await Promise.all(staying)) expect(accel.accel).toBe('tcg');
    expect(started).toBe(1);
  });

  it('starts nothing where KVM cannot even be opened, and forgets that when it can', async () => {
    const device = deps.kvmFiles!.device;
    await rm(device);
    await writeFile(deps.kvmFiles!.cpuinfo, 'flags : svm\n');
    const { accel } = await daemon().probe();
    expect(accel).toMatchObject({
      accel: 'tcg',
      cached: false,
      fix: expect.stringContaining('kvm_amd') as string,
    });
    expect(started).toBe(0);
    await writeFile(device, '');
    lastWords = 'kvm run failed';
    expect((await daemon().probe()).accel.reason).toContain('kvm run failed');
  });

  it('keeps nothing when there was nothing to boot', async () => {
    deps = {
      ...deps,
      probeGuest: async () => ({ kernel: join(dir, 'none'), initrd: join(dir, 'none'), cmdline: '' }),
    };
    await expect(daemon().probe()).rejects.toMatchObject({ code: 'vmm_failed' });
    expect((await daemon().look()).accel).toBeUndefined();
  });

  it('tells what a check left that was cut off, and removes it', async () => {
    const probe = daemon();
    expect(await probe.leftovers()).toEqual([]);
    await mkdir(deps.dir);
    await writeFile(join(deps.dir, 'root.ext4'), '');
    const [left, ...more] = await probe.leftovers();
    expect([left?.what, more]).toEqual([`check of KVM in ${deps.dir}`, []]);
    expect(Math.abs(Date.now() - (left?.since ?? 0))).toBeLessThan(60_000);
    await left?.remove();
    expect(await probe.leftovers()).toEqual([]);
    await left?.remove();
  });

  it('calls nothing left, and removes nothing, while a check is at work; one that begins waits for a removal', async () => {
    await mkdir(deps.dir);
    lastWords = 'kvm run failed';
    const probe = daemon();
    const [left] = await probe.leftovers();
    let during: unknown;
    deps.scratchDisk = async (path) => {
      during ??= await probe.leftovers();
      await left?.remove();
      await writeFile(path, '');
    };
    const removal = left?.remove();
    expect((await probe.probe()).accel.reason).toContain('kvm run failed');
    await removal;
    expect(during).toEqual([]);
    expect(started).toBe(1);
  });

  it('only looks when it is asked to look', async () => {
    const probeGuest = vi.fn<ProbeDeps['probeGuest']>(deps.probeGuest);
    deps = { ...deps, probeGuest };
    expect(await daemon().look()).toMatchObject({ version: '7.2.22' });
    expect(probeGuest).not.toHaveBeenCalled();
    lastWords = 'kvm run failed';
    await daemon().probe();
    expect((await daemon().look()).accel).toMatchObject({ accel: 'tcg', cached: true });
  });
});
