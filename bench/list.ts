import { compare, timed, type Benchmark } from './measure.ts';
import { banger, program } from './program.ts';

/** The shortest command there is, against a Node that does nothing. */
export const list: Benchmark = {
  name: 'ps',
  rounds: 30,
  run: async ({ home, say }, rounds) => {
    const ours = (): Promise<number> => timed(() => banger(['ps'], home));
    const bare = (): Promise<number> => timed(() => program([process.execPath, '-e', '0']));
    const { figures } = await compare(rounds, ours, bare, say);
    return { name: 'ps', what: 'bundled `banger ps` (daemon running) : `node -e 0`', n: rounds, figures };
  },
};
