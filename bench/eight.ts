import type { VmPlan } from '@banger/contract/vm';
import { QemuFinder } from '../packages/daemon/src/drivers/vmm/qemu/program.ts';
import { createRunner } from '../packages/daemon/src/host/execa-runner.ts';
import { bareBoot, tuned } from './bare-qemu.ts';
import { ratio, summary, takeTurns, timed, type Benchmark } from './measure.ts';
import { banger } from './program.ts';

const VMS = 8;
/** A host of 8 GiB is enough for all of them. */
const MEMORY_MIB = 256;

/** Eight VMs made at once, until the last one runs, against eight bare QEMUs until the last agent has answered. */
export const eight: Benchmark = {
  name: 'eight',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const memory = ['--memory', String(MEMORY_MIB)];
    const { spec, vmm } = JSON.parse(
      await banger(['vm', 'run', '--dry-run', '--json', ...memory], home),
    ) as VmPlan;
    const accel = vmm.includes('kvm') ? 'kvm' : 'tcg';
    const argv = tuned(await new QemuFinder(createRunner()).find());
    const names = Array.from({ length: VMS }, (_, index) => `bench-${index}`);
    const ours = async (): Promise<number> => {
      const ms = await timed(() =>
        Promise.all(names.map((name) => banger(['vm', 'create', '--name', name, ...memory], home))),
      );
      await banger(['vm', 'delete', ...names], home);
      return ms;
    };
    const bare = async (): Promise<number> =>
      Math.max(...(await Promise.all(names.map(() => bareBoot(spec, { home, accel, argv })))));
    const values = await takeTurns(rounds, { ours, bare }, say);
    return {
      name: 'eight',
      what: `${VMS} \`vm create\` at once, until the last one runs : ${VMS} bare QEMUs to the last agent's hello; ${vmm}`,
      n: rounds,
      figures: { ratio: ratio(values.ours, values.bare), ...summary(values) },
      values,
    };
  },
};
