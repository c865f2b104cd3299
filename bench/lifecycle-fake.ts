import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../packages/daemon/src/host/clock.ts';
import { openLog } from '../packages/daemon/src/log.ts';
import { FakeHost } from '../packages/daemon/src/services/vm/fake-host.suite.ts';
import { summary, timed, type Benchmark } from './measure.ts';
import { LogReader, stepTimes } from './step-times.ts';

/** The same verbs in the daemon's services alone: VMMs, guests and disks are pretended, store and ledger and files are real. */
export const lifecycleFake: Benchmark = {
  name: 'lifecycle-fake',
  rounds: 50,
  run: async (_context, rounds) => {
    const directory = mkdtempSync(join(tmpdir(), 'bench-log-'));
    const path = join(directory, 'log');
    // Written as a daemon does.
    const host = await FakeHost.make(systemClock, { log: openLog(path, 'info') });
    const log = new LogReader(path);
    const never = new AbortController().signal;
    const values: Record<string, number[]> = {};
    const add = (what: string, ms: number): void => void (values[what] ??= []).push(ms);
    try {
      for (let round = 0; round <= rounds; round += 1) {
        const verb = async (what: string, work: () => Promise<unknown>): Promise<void> => {
          const ms = await timed(work);
          const steps = stepTimes(log.read());
          if (round === 0) return;
          add(what, ms);
          for (const { step, ms: took } of steps) add(`${what}:${step}`, took);
        };
        const spec = host.spec('bench');
        await verb('create', () => host.vms.create(spec, { start: false, waitInit: false }, never));
        await verb('start', () => host.vms.start('bench', false, never));
        await verb('stop', () => host.vms.stop('bench', false, never));
        await verb('delete', () => host.vms.delete('bench'));
      }
    } finally {
      await host.close();
      rmSync(directory, { recursive: true });
    }
    return {
      name: 'lifecycle-fake',
      what: 'what the daemon itself takes for each verb and each of its steps: a fake VMM, guest and disks; real store, ledger and files',
      n: rounds,
      figures: summary(values),
      values,
    };
  },
};
