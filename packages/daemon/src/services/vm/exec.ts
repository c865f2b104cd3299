import { BangerError } from '@banger/contract/error';
import type { VmExec } from '@banger/contract/exec';
import type { GuestExec, GuestSession } from '../../drivers/guest/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { checkEnvironment, environmentRecord } from './environment.ts';
import type { VmDeps } from './deps.ts';

/** The open channel to a running VM's agent, or a refusal that says why there is none. */
function sessionOf(deps: Pick<VmDeps, 'live'>, row: VmRow): GuestSession {
  const { name } = row.spec;
  const live = deps.live.get(row.id);
  if (row.state !== 'running' || live === undefined) {
    throw new BangerError('vm_not_running', `${name} is ${row.state}, not running.`, {
      hint: row.hint === '' ? `Start it with \`banger vm start ${name}\`.` : row.hint,
      details: { state: row.state },
    });
  }
  if (live.session === undefined) {
    throw new BangerError(
      'agent_not_ready',
      `The agent of ${name} does not answer now; banger goes on trying.`,
      {
        hint: `Read its console with \`banger vm logs ${name}\`.`,
      },
    );
  }
  return live.session;
}

/** Starts a command in a running VM; an empty argv is the user's login shell. */
export async function execInVm(
  deps: VmDeps,
  row: VmRow,
  request: VmExec,
  signal: AbortSignal,
): Promise<GuestExec> {
  checkEnvironment(request.env);
  const nul = [...request.argv, request.cwd ?? '', request.user ?? ''].some((text) => text.includes('\0'));
  if (nul) throw new BangerError('invalid_argument', 'An argument contains a NUL byte.');
  const { argv, env, cwd, user, tty } = request;
  return sessionOf(deps, row).exec(
    {
      argv,
      login: argv.length === 0,
      env: environmentRecord(env),
      ...(cwd === undefined ? {} : { cwd }),
      ...(user === undefined ? {} : { user }),
      ...(tty === undefined ? {} : { tty }),
    },
    { signal },
  );
}
