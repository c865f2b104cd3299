import type { VmPlan, VmView } from '@banger/contract/vm';
import type { CommandContext } from '../command.ts';
import { deleteAfter, leftByCreate } from './aftermath.ts';

/** How `vm run` wants its VM. */
export interface CreateWish {
  readonly ephemeral: boolean;
  readonly waitInit: boolean;
}

/**
 * Makes and starts the planned VM. When that fails, the VM stays so that its console can be read, and a notice says
 * how; when the user interrupted it, what was made so far is deleted. Either way the failure is thrown on.
 */
export async function createAndStart(
  context: CommandContext,
  { spec }: VmPlan,
  { ephemeral, waitInit }: CreateWish,
): Promise<VmView> {
  const { machine, reporter, signal } = context;
  const calledAt = machine.clock.now();
  try {
    const vm = await context.call(
      'vm.create',
      { spec, start: true, ephemeral, waitInit },
      `Starting ${spec.name}`,
    );
    // A call that is done before it hears of its cancellation succeeds.
    signal.throwIfAborted();
    return vm;
  } catch (error) {
    const left = await leftByCreate(context, spec.name, calledAt);
    if (left !== undefined && signal.aborted) await deleteAfter(context, left);
    else if (left !== undefined) {
      const { name } = left;
      reporter.notice(
        `${name} is kept. Its console: banger vm logs ${name}   Delete it: banger vm delete ${name}`,
      );
    }
    throw error;
  }
}
