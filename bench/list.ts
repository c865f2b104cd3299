import { ratio, summary, takeTurns, timed, type Benchmark } from './measure.ts';
import { banger, program } from './program.ts';

/** The shortest command there is, against a Node that does nothing. */
export const list: Benchmark = {
  name: 'ps',
  rounds: 30,
  run: async ({ home, say }, rounds) => {
    const values = await takeTurns(
      rounds,
      {
        ours: () => timed(() => banger(['ps'], home)),
        bare: () => timed(() => program([process.execPath, '-e', '0'])),
      },
      say,
    );
    return {
      name: 'ps',
      what: '`banger ps` of the bundle, its daemon running : `node -e 0`',
      n: rounds,
      figures: { ratio: ratio(values.ours, values.bare), ...summary(values) },
      values,
    };
  },
};
