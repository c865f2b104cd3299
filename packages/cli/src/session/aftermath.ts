import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import type { CommandContext } from '../command.ts';
import type { Machine } from '../machine.ts';

/** A guest that does not answer takes the daemon some seconds to end; past this something is wrong, and is told. */
const DELETE_DEADLINE_MS = 60_000;
/** A question to a daemon that works is answered in milliseconds. */
const ASK_DEADLINE_MS = 5_000;
/** A second Ctrl-C within this time means: do not wait for the deletion. */
const INSIST_MS = 1_000;
/** How often a VM that is still being worked on is tried again. */
const RETRY_MS = 250;

/** Deletes a VM, with a deadline of its own and whatever was interrupted before; tells when it could not be done. */
export async function deleteAfter(
  context: CommandContext,
  { id, name }: Pick<VmView, 'id' | 'name'>,
): Promise<void> {
  const { machine, reporter } = context;
  const deadline = startDeadline(machine, DELETE_DEADLINE_MS);
  let last = -Infinity;
  const stopListening = machine.signals.listen(() => {
    const now = machine.clock.monotonic();
    if (now - last < INSIST_MS) deadline.give(`it was not waited for`);
    last = now;
  });
  try {
    const { leftOver } = await deleteWhenFree(context, id, name, deadline.signal);
    for (const what of leftOver) reporter.warning(`${name}: could not be removed: ${what}`);
  } catch (thrown) {
    if (isBangerError(thrown, 'vm_not_found')) return;
    const { code, message } = toBangerError(deadline.signal.aborted ? deadline.signal.reason : thrown);
    const hint = `Delete it with: banger vm delete ${name}`;
    context.showError(new BangerError(code, `${name} could not be deleted: ${message}`, { hint }));
  } finally {
    stopListening();
    deadline.cancel();
  }
}

/** Another call may still be letting go of the VM: then it is tried again until the deadline. */
async function deleteWhenFree(
  context: CommandContext,
  id: string,
  name: string,
  signal: AbortSignal,
): Promise<{ leftOver: readonly string[] }> {
  for (;;) {
    try {
      return await context.call('vm.delete', { vm: id }, `Deleting ${name}`, signal);
    } catch (error) {
      if (!isBangerError(error, 'vm_busy') || signal.aborted) throw error;
      await new Promise<void>((resolve) => void context.machine.clock.after(RETRY_MS, resolve));
    }
  }
}

/** After a session: tells whether the VM still runs, by asking, and how to stop it. */
export async function remind(
  context: CommandContext,
  { id, name }: Pick<VmView, 'id' | 'name'>,
): Promise<void> {
  const deadline = startDeadline(context.machine, ASK_DEADLINE_MS);
  const { reporter } = context;
  try {
    const vm = await context.call('vm.show', { vm: id }, `Looking at ${name}`, deadline.signal);
    if (vm.state === 'running' || vm.state === 'paused') {
      reporter.notice(`${name} still runs. Stop it with: banger vm stop ${name}`);
    } else {
      reporter.notice(`${name} is ${vm.state}${vm.reason === '' ? '' : `: ${vm.reason}`}`);
    }
  } catch (thrown) {
    if (isBangerError(thrown, 'vm_not_found')) return;
    reporter.warning(`whether ${name} still runs is not known: ${toBangerError(thrown).message}`);
  } finally {
    deadline.cancel();
  }
}

/**
 * After a create that failed: the VM that it left, if it left one. A VM of that name from before the call is somebody
 * else's, and not it.
 */
export async function leftByCreate(
  context: CommandContext,
  name: string,
  calledAt: number,
): Promise<VmView | undefined> {
  const deadline = startDeadline(context.machine, ASK_DEADLINE_MS);
  try {
    const vm = await context.call('vm.show', { vm: name }, `Looking at ${name}`, deadline.signal);
    return vm.name === name && Date.parse(vm.createdAt) >= calledAt ? vm : undefined;
  } catch {
    // The failure of the create is what the user has to know; that nothing more can be learnt adds nothing to it.
    return undefined;
  } finally {
    deadline.cancel();
  }
}

function startDeadline(
  { clock }: Machine,
  ms: number,
): { readonly signal: AbortSignal; give(reason: string): void; cancel(): void } {
  const controller = new AbortController();
  const give = (reason: string): void => controller.abort(new BangerError('cancelled', reason));
  const cancel = clock.after(ms, () => give(`there was no answer within ${ms / 1000} s`));
  return { signal: controller.signal, give, cancel };
}
