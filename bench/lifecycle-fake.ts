import { FakeHost } from '../packages/daemon/src/services/vm/fake-host.suite.ts';
import { summary, timed, type Benchmark } from './measure.ts';

/** The same verbs in the daemon's services alone: VMMs, guests and disks are pretended, store and ledger and files are real. */
export const lifecycleFake: Benchmark = {
  name: 'lifecycle-fake',
  rounds: 50,
  run: async (_context, rounds) => {
    const host = await FakeHost.make();
    const never = new AbortController().signal;
    const values: Record<'create' | 'start' | 'stop' | 'delete', number[]> = {
      ...{ create: [], start: [], stop: [], delete: [] },
    };
    try {
      for (let round = 0; round <= rounds; round += 1) {
        const seen = {
          create: await timed(() =>
            host.vms.create(host.spec('bench'), { start: false, waitInit: false }, never),
          ),
          start: await timed(() => host.vms.start('bench', false, never)),
          stop: await timed(() => host.vms.stop('bench', false, never)),
          delete: await timed(() => host.vms.delete('bench')),
        };
        if (round === 0) continue;
        for (const verb of Object.keys(seen) as (keyof typeof seen)[]) values[verb].push(seen[verb]);
      }
    } finally {
      await host.close();
    }
    return {
      name: 'lifecycle-fake',
      what: 'what the daemon itself takes for each verb: a fake VMM, guest and disks; real store, ledger and files',
      n: rounds,
      figures: summary(values),
      values,
    };
  },
};
