import type { DoctorCheck } from '@banger/contract/doctor';
import { toBangerError } from '@banger/contract/error';
import { defineCommand, type CommandContext } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { localChecks } from './doctor-checks.ts';

export const command = defineCommand({
  details:
    'Changes nothing. The exit status is 1 when any check fails. Works without a daemon, too, then with fewer checks.',
  options: {},
  examples: [
    ['banger doctor', 'each check, and the command that mends it'],
    ['banger doctor -q', 'only what warns or fails'],
  ],
  run: async (context) => {
    const own = await localChecks(context.machine);
    const checks = [...own, ...(await daemonChecks(context))];
    const ok = checks.every(({ status }) => status !== 'fail');
    return {
      view: { kind: 'doctor', data: { checks, ok } },
      status: ok ? exitStatus.done : exitStatus.failed,
    };
  },
});

/** What the daemon finds; that it cannot be reached is one failing check. */
async function daemonChecks(context: CommandContext): Promise<DoctorCheck[]> {
  const check = { id: 'cli.daemon', title: 'Daemon' } as const;
  try {
    const { checks } = await context.call('doctor.run', {}, 'Checking this host');
    return [{ ...check, status: 'pass', detail: 'it answers', fix: '' }, ...checks];
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const { code, message, hint } = toBangerError(thrown);
    return [{ ...check, status: 'fail', detail: `${message} (${code})`, fix: hint }];
  }
}
