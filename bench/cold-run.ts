import type { VmPlan } from '@banger/contract/vm';
import { bareBoot, guestOf } from './bare-qemu.ts';
import { compare, timed, type Benchmark } from './measure.ts';
import { banger } from './program.ts';

/** The whole of `vm run --rm -- true`, from the shell's prompt to the next, against a bare boot to the agent. */
export const coldRun: Benchmark = {
  name: 'cold-run',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const { spec } = JSON.parse(await banger(['vm', 'run', '--dry-run', '--json'], home)) as VmPlan;
    const guest = guestOf(home, spec.image, spec.kernel, spec);
    const ours = (): Promise<number> => timed(() => banger(['vm', 'run', '--rm', '--', 'true'], home));
    const { figures } = await compare(rounds, ours, () => bareBoot(guest), say);
    return {
      name: 'cold-run',
      what: '`vm run --rm -- true` (daemon running) : bare QEMU with the same kernel, initramfs and root disk to the agent hello',
      n: rounds,
      figures,
    };
  },
};
