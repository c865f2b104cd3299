import { toBangerError } from '@banger/contract/error';
import type { ErrorCode } from '@banger/contract/error-codes';
import type { VmView } from '@banger/contract/vm';
import { defineCommand, type CommandContext } from '../../command.ts';
import { usageError } from '../../options/usage.ts';
import { bytesText } from '../../render/units.ts';
import { confirm, isTerminal } from '../../terminal/confirm.ts';
import { eachOf, type EachResult } from '../each.ts';

/** Why a VM that was to go is kept after all: somebody uses it now, protects it, or has deleted it himself. */
const kept: ReadonlySet<ErrorCode> = new Set(['vm_state', 'vm_protected', 'vm_not_found']);

export const command = defineCommand({
  details:
    'Stopped, failed and never-started VMs, with their disks. Not one that runs, is paused or protected, or on which a call is at work. ' +
    'Lists them and asks first; each is looked at again before it is deleted.',
  options: {
    force: { flags: '-f, --force', text: 'do not ask' },
  },
  examples: [
    ['banger vm prune', 'list what nobody uses, and delete it after a yes'],
    ['banger vm prune --force', 'without asking, for scripts'],
  ],
  run: async (context, { options }) => {
    const ask = options.force === undefined;
    if (ask && !isTerminal(context.machine))
      throw usageError('There is no terminal to ask on.', 'Write --force to delete without being asked.');
    const vms = await context.call('vm.prunable', {}, 'Looking for VMs that nobody uses');
    if (vms.length === 0) context.reporter.notice('There is nothing to prune.');
    const agreed =
      !ask || vms.length === 0 || (await confirm(context.machine, question(vms), context.signal));
    if (!agreed) context.reporter.notice('Nothing was deleted.');
    const targets = agreed ? vms : [];
    return targets.length === 0 && !context.json ? {} : eachOf(context, targets, (vm) => prune(context, vm));
  },
});

async function prune(context: CommandContext, { id, name }: VmView): Promise<EachResult> {
  try {
    const deleted = await context.call('vm.prune', { vm: id }, `Deleting ${name}`);
    const warnings = deleted.leftOver.map((what) => `could not be removed: ${what}`);
    return { state: 'deleted', result: deleted, warnings };
  } catch (thrown) {
    const { code, message } = toBangerError(thrown);
    if (!kept.has(code)) throw thrown;
    return { state: `skipped: ${message}`, result: { skipped: message } };
  }
}

function question(vms: readonly VmView[]): string {
  const lines = vms.map(
    ({ name, state, diskUsedBytes }) => `  ${name}  ${state}, ${bytesText(diskUsedBytes)}`,
  );
  const what = vms.length === 1 ? 'this VM with its disks' : `these ${vms.length} VMs with their disks`;
  return `${lines.join('\n')}\nDelete ${what}?`;
}
