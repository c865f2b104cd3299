import type { DoctorCheck } from '@banger/contract/doctor';
import { toBangerError } from '@banger/contract/error';
import { defineCommand, type CommandContext } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { localChecks } from './doctor-checks.ts';

export const command = defineCommand({
  details:
    'Makes and changes nothing, and starts no daemon: asks the one that runs, and looks itself where none does or can. The exit status is 1 when any check fails.',
  options: {},
  examples: [
    ['banger doctor', 'each check, and the command that mends it'],
    ['banger doctor -q', 'only what warns or fails'],
  ],
  run: async (context) => {
    const task = context.reporter.follow('Checking this host');
    try {
      const local = await localChecks(context.machine);
      const checks = [...local, ...(await hostChecks(context, local))];
      const ok = checks.every(({ status }) => status !== 'fail');
      return {
        view: { kind: 'doctor', data: { checks, ok } },
        status: ok ? exitStatus.done : exitStatus.failed,
      };
    } finally {
      task.end();
    }
  },
});

/** Whether a daemon can be asked, then what it finds, or else what its program finds without it. */
async function hostChecks(
  context: CommandContext,
  local: readonly DoctorCheck[],
): Promise<readonly DoctorCheck[]> {
  // What is wrong with the way to it is told once, by the check that looked for that.
  const barred = local.find(({ id, status }) => onTheWay.has(id) && status === 'fail');
  const { finding, checks } = barred === undefined ? await askDaemon(context) : { finding: unasked(barred) };
  const daemon = { id: 'cli.daemon', title: 'Daemon', ...finding };
  // Where nothing says where to look, nothing is looked at.
  if (barred?.id === 'cli.home') return [daemon];
  return [daemon, ...(checks ?? (await look(context)))];
}

/** The checks of what a daemon is reached by. */
const onTheWay: ReadonlySet<string> = new Set(['cli.home', 'cli.run-directory', 'cli.socket']);

type Finding = Pick<DoctorCheck, 'status' | 'detail' | 'fix'>;

function unasked({ title }: DoctorCheck): Finding {
  const detail = `not asked whether one runs: the way to it is barred (${title})`;
  return { status: 'warn', detail, fix: `Mend what the check of the ${title.toLowerCase()} found.` };
}

/** Of a daemon that runs: its checks, when it gives them. */
async function askDaemon({ clientIfRunning, machine, signal }: CommandContext): Promise<{
  readonly finding: Finding;
  readonly checks?: readonly DoctorCheck[];
}> {
  try {
    const client = await clientIfRunning();
    if (client === undefined)
      return { finding: pass('none runs; the next command that needs one starts it') };
    const { checks } = await client.call('doctor.run', {}, { signal });
    return { finding: answering(client.hello.build.build, machine.build.build), checks };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return { finding: fail(thrown) };
  }
}

function answering(daemon: string, own: string): Finding {
  if (daemon === own) return pass('it answers');
  return {
    status: 'warn',
    detail: `it answers, but is of build ${daemon}, and this program of ${own}; the next command replaces it when it is idle`,
    fix: 'banger daemon stop',
  };
}

/** What is found without a daemon; that nothing could look is one failing check. */
async function look({ machine, signal }: CommandContext): Promise<readonly DoctorCheck[]> {
  try {
    return (await machine.examine(signal)).checks;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return [{ id: 'cli.examine', title: 'Look at this host', ...fail(thrown) }];
  }
}

function pass(detail: string): Finding {
  return { status: 'pass', detail, fix: '' };
}

function fail(thrown: unknown): Finding {
  const { code, message, hint } = toBangerError(thrown);
  return { status: 'fail', detail: `${message} (${code})`, fix: hint };
}
