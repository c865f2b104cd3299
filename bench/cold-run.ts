import type { VmPlan } from '@banger/contract/vm';
import { QemuFinder } from '../packages/daemon/src/drivers/vmm/qemu/program.ts';
import { createRunner } from '../packages/daemon/src/host/execa-runner.ts';
import { bareBoot, plain, tuned, type Arguments } from './bare-qemu.ts';
import { ratio, summary, takeTurns, timed, type Benchmark } from './measure.ts';
import { banger } from './program.ts';

/** The whole of `vm run --rm -- true`, from the shell's prompt to the next, against bare boots to the agent. */
export const coldRun: Benchmark = {
  name: 'cold-run',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const { spec, vmm } = JSON.parse(await banger(['vm', 'run', '--dry-run', '--json'], home)) as VmPlan;
    const accel = vmm.includes('kvm') ? 'kvm' : 'tcg';
    const qemu = await new QemuFinder(createRunner()).find();
    const bare = (argv: Arguments) => () => bareBoot(spec, { home, accel, argv });
    const values = await takeTurns(
      rounds,
      {
        ours: () => timed(() => banger(['vm', 'run', '--rm', '--', 'true'], home)),
        bare: bare(tuned(qemu)),
        plain: bare(plain(qemu)),
      },
      say,
    );
    return {
      name: 'cold-run',
      what: `\`vm run --rm -- true\` : QEMU alone to the agent's hello, with the arguments that banger gives (bare) and with plain ones (plain); ${vmm}`,
      n: rounds,
      figures: {
        ratio: ratio(values.ours, values.bare),
        ratioToPlain: ratio(values.ours, values.plain),
        ...summary(values),
      },
      values,
    };
  },
};
