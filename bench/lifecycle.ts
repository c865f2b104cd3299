import type { DaemonStatus } from '@banger/contract/daemon';
import { summary, timed, type Benchmark } from './measure.ts';
import { banger } from './program.ts';
import { LogReader, stepTimes } from './step-times.ts';

const NAME = 'bench-life';

/** Each verb of a VM's life from prompt to prompt, and each step that the daemon's log tells of. */
export const lifecycle: Benchmark = {
  name: 'lifecycle',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const values: Record<string, number[]> = {};
    const add = (what: string, ms: number): void => void (values[what] ??= []).push(ms);
    const { log: path } = JSON.parse(await banger(['daemon', 'status', '--json'], home)) as DaemonStatus;
    const log = new LogReader(path);
    const verb = async (what: string, ...argv: string[]): Promise<number> => {
      const ms = await timed(() => banger(['vm', ...argv, NAME], home));
      add(what, ms);
      for (const { step, ms: took } of stepTimes(log.read())) add(`${what}:${step}`, took);
      return ms;
    };
    for (let round = 1; round <= rounds; round += 1) {
      const seen = [await verb('create', 'create', '--no-start', '--name')];
      seen.push(await verb('start', 'start'));
      seen.push(await verb('stop', 'stop'), await verb('delete', 'delete'));
      say(`  round ${round} of ${rounds}: create, start, stop, delete ${seen.map(Math.round).join(', ')} ms`);
    }
    return {
      name: 'lifecycle',
      what: "each verb from prompt to prompt; `create:`, `start:`, `stop:` and `delete:` are the steps in the daemon's log",
      n: rounds,
      figures: summary(values),
      values,
    };
  },
};
