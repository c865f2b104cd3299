import type { VmView } from '@banger/contract/vm';
import { summary, timed, type Benchmark } from './measure.ts';
import { banger } from './program.ts';

const NAME = 'bench-life';

/** Each verb of a VM's life from prompt to prompt, and each step that the daemon's own record tells of. */
export const lifecycle: Benchmark = {
  name: 'lifecycle',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const values: Record<string, number[]> = {};
    const add = (what: string, ms: number): void => void (values[what] ??= []).push(ms);
    const verb = async (what: string, ...argv: string[]): Promise<number> => {
      const ms = await timed(() => banger(['vm', ...argv, NAME], home));
      add(what, ms);
      return ms;
    };
    const steps = async (of: string): Promise<void> => {
      const { steps: taken } = JSON.parse(await banger(['vm', 'show', '--json', NAME], home)) as VmView;
      for (const { name, ms } of taken) add(`${of}:${name}`, ms);
    };
    for (let round = 1; round <= rounds; round += 1) {
      const seen = [await verb('create', 'create', '--no-start', '--name')];
      await steps('create');
      seen.push(await verb('start', 'start'));
      await steps('start');
      seen.push(await verb('stop', 'stop'), await verb('delete', 'delete'));
      say(`  round ${round} of ${rounds}: create, start, stop, delete ${seen.map(Math.round).join(', ')} ms`);
    }
    return {
      name: 'lifecycle',
      what: 'each verb from prompt to prompt; `create:` and `start:` are the steps that the daemon recorded',
      n: rounds,
      figures: summary(values),
      values,
    };
  },
};
