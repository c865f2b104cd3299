import { BangerError, isBangerError } from '@banger/contract/error';
import type { VmExec } from '@banger/contract/exec';
import type { GuestExec } from '../../drivers/guest/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { checkVariables, environmentRecord } from './environment.ts';
import type { VmDeps } from './deps.ts';
import { checkExecSize } from './exec-size.ts';
import { clockIsFresh } from './guest-clock.ts';
import { hearAgent } from './health.ts';
import { resolveCommand } from './image-defaults.ts';
import type { LiveVm } from './live.ts';
import { orSilence, reachableVm } from './reachable.ts';
import { vmmEndWords } from './vmm-end-words.ts';

/** From the end of the agent's channel to that of the VMM, when the one is due to the other. */
const VMM_END_MS = 3_000;
const DURING = 'the command ran';

/** Starts a command in a running VM; an empty argv is the user's login shell. What the request leaves open is as the VM's image says. */
export async function execInVm(
  deps: VmDeps,
  row: VmRow,
  request: VmExec,
  signal: AbortSignal,
): Promise<GuestExec> {
  const { env, tty } = request;
  const { argv, plain, cwd, makeCwd, user } = resolveCommand(row.imageDefaults, request);
  checkVariables(env);
  checkExecSize(argv, env);
  if (argv[0] === '') throw new BangerError('command_not_found', 'There is no command with an empty name.');
  const nul = [...argv, cwd ?? '', user ?? ''].some((text) => text.includes('\0'));
  if (nul) throw new BangerError('invalid_argument', 'An argument contains a NUL byte.');
  const { live, session } = await reachableVm(deps, row);
  const start = async (): Promise<GuestExec> => {
    if (!clockIsFresh(deps, live)) await hearAgent(deps, live, session, signal);
    return session.exec(
      {
        argv,
        ...(argv.length === 0 ? { login: true, plain } : {}),
        env: environmentRecord(env),
        ...(cwd === undefined ? {} : { cwd, makeCwd }),
        ...(user === undefined ? {} : { user }),
        ...(tty === undefined ? {} : { tty }),
      },
      { signal },
    );
  };
  const exec = await orVmEnd(deps, row, live, DURING, orSilence(deps, row, start()));
  return {
    pid: exec.pid,
    stdin: exec.stdin,
    stdout: exec.stdout,
    stderr: exec.stderr,
    exit: orVmEnd(deps, row, live, DURING, exec.exit),
    signal: (number) => exec.signal(number),
    resize: (rows, columns) => exec.resize(rows, columns),
    abort: () => exec.abort(),
  };
}

/**
 * What a command or a copy came to. One whose channel went away because its VM ended is told that (`vmm_gone`), once the VM's state says
 * so too: whoever hears of it asks for that next.
 */
export async function orVmEnd<T>(
  deps: VmDeps,
  row: VmRow,
  live: LiveVm,
  during: string,
  outcome: Promise<T>,
): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    if (!isBangerError(error, 'agent_lost')) throw error;
    const stop = new AbortController();
    const late = deps.clock.sleep(VMM_END_MS, stop.signal).then(
      () => undefined,
      () => undefined,
    );
    const end = await Promise.race([live.vmm.ended, late]);
    stop.abort();
    if (end === undefined) throw error;
    const words = await vmmEndWords(end, deps.layout.vm(row.id).console, live.consoleFrom);
    await live.over.promise;
    throw new BangerError(
      'vmm_gone',
      `${row.spec.name} ended while ${during}: ${words.replace(/\.?$/, '.')}`,
      {
        cause: error,
        ...(row.ephemeral ? { hint: 'Run it again, without --rm to look at the VM afterwards.' } : {}),
      },
    );
  }
}
