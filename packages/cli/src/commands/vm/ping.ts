import { defineCommand } from '../../command.ts';
import { parsePings } from '../../options/size.ts';
import { eachVm } from '../each.ts';

export const command = defineCommand({
  details:
    'Asks the agent in each VM, and tells what it took to answer. Fails when one does not answer within 10 seconds, saying why, with the last lines of its console.',
  args: '<names...>',
  options: {
    count: { flags: '-c, --count <count>', text: 'ask so often, one after another', parse: parsePings },
  },
  examples: [
    ['banger vm ping box', 'whether it answers, and how fast'],
    ['banger vm ping --count 10 web db', 'ten times each'],
  ],
  run: (context, { args, options }) =>
    eachVm(context, args, async ({ id, name }) => {
      const params = { vm: id, count: options.count ?? 1 };
      const result = await context.call('vm.ping', params, `Asking ${name}`);
      return { state: roundTripsText(result.roundTripsMs), result };
    }),
});

/** As `2.1 ms`, or `1.9 to 5.0 ms, mostly 2.1 ms (10 answers)`. */
function roundTripsText(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b).map((value) => value.toFixed(1));
  const [least, median, most] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return sorted.length === 1
    ? `${least} ms`
    : `${least} to ${most} ms, mostly ${median} ms (${sorted.length} answers)`;
}
