import fc from 'fast-check';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost } from '../fake-host.suite.ts';
import { MemoryGuests } from '../memory-guests.suite.ts';
import { Simulation, type ClientStep, type Machine, type WorldStep } from './simulation.suite.ts';
import { events, verbOf, verbs, type EventName, type VerbName } from './verbs.suite.ts';

/**
 * `BANGER_RACE_RUNS`: how many interleavings are played. `BANGER_RACE_SEED`: the seed of a run that failed, which stands in the name of the
 * test and in its report; with `BANGER_RACE_PATH`, also from the report, only the one that failed is played.
 */
const runs = Number(process.env['BANGER_RACE_RUNS'] ?? 200);
const seed = Number(process.env['BANGER_RACE_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['BANGER_RACE_PATH'];

/** An interleaving takes some 50 ms; on a machine that does twenty other things, twenty times that. */
const RUN_TIMEOUT_MS = 1_000;

/** Two names, so that calls meet; none is the beginning of an id. */
const vm = fc.constantFrom('one', 'two');
/** What is not about VMs comes less often: there is less of it that a call on a VM could meet, and a pull writes many files. */
const isElsewhere = (name: VerbName): boolean => verbOf(name).kind === 'elsewhere';
const names = Object.keys(verbs) as VerbName[];
const verb = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...names.filter((name) => !isElsewhere(name))) },
  { weight: 1, arbitrary: fc.constantFrom(...names.filter(isElsewhere)) },
);
const clientStep: fc.Arbitrary<ClientStep> = fc.record({
  verb,
  vm,
  patience: fc.constantFrom(null, null, null, null, null, null, 0, 6),
});
const worldStep: fc.Arbitrary<WorldStep> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ event: fc.constantFrom(...(Object.keys(events) as EventName[])), vm }),
  },
  { weight: 2, arbitrary: fc.record({ event: fc.constant('the daemon is killed' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      event: fc.constant('time passes' as const),
      ms: fc.constantFrom(100, 3_000, 20_000),
    }),
  },
);
/** A client's first call makes a VM more often than not: calls on nothing are soon refused. */
const client = fc
  .tuple(
    fc.option(fc.record({ verb: fc.constant('create' as const), vm, patience: fc.constant(null) })),
    fc.array(clientStep, { maxLength: 6 }),
  )
  .map(([first, rest]) => (first === null ? rest : [first, ...rest]));
const script = fc.record({
  clients: fc.array(client, { minLength: 2, maxLength: 4 }),
  world: fc.array(worldStep, { maxLength: 5 }),
});

const never = new AbortController().signal;
let machine: Machine;

async function boot(): Promise<void> {
  const clock = new FakeClock();
  const guests = new MemoryGuests();
  const host = await FakeHost.make(clock, { guests });
  // Image and kernel are fetched by what does not wait for its turn.
  const { image, kernel } = host.spec('any');
  await host.deps.images.ensure(image, never);
  await host.deps.kernels.ensure(kernel, never);
  machine = { clock, guests, host };
}

beforeEach(boot);
afterEach(() => machine.host.close());

describe('clients that race', () => {
  test(
    `come to what one after the other could, and leave nothing: ${runs} interleavings, seed ${seed}`,
    async () => {
      let turns = 0;
      await fc.assert(
        fc.asyncProperty(script, fc.scheduler(), async (played, schedule) => {
          const simulation = new Simulation(machine, schedule);
          try {
            await simulation.run(played);
            turns += simulation.turns;
          } catch (error) {
            const { host } = machine;
            await boot();
            await host.close().catch(() => undefined);
            throw error;
          }
        }),
        { numRuns: runs, seed, ...(path === undefined ? {} : { path }) },
      );
      expect(turns).toBeGreaterThan(runs);
    },
    runs * RUN_TIMEOUT_MS,
  );
});
