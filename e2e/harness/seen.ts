import { isBangerError } from '@banger/contract/error';
import type { MethodName, ParamsOf, ResultOf } from '@banger/contract/methods';
import { resolvePaths } from '@banger/contract/paths';
import type { VmView } from '@banger/contract/vm';
import { connectRunning } from '@banger/sdk/connect';

/** A program that only looks: a daemon of any build answers it. */
const LOOKER = { version: '0', commit: 'none', builtAt: '', build: 'test' };

/**
 * A VM as the daemon that runs tells of it. For loops that wait: a command line takes from the guest that is waited for the time of a
 * process each. Rejects when there is no such VM, or no daemon.
 */
export function seen(home: string, vm: string): Promise<VmView> {
  return asked(home, 'vm.show', { vm });
}

/** All VMs, likewise. */
export function seenAll(home: string): Promise<readonly VmView[]> {
  return asked(home, 'vm.list', {});
}

/** What the daemon that runs answers, likewise. */
export async function asked<M extends MethodName>(
  home: string,
  method: M,
  params: ParamsOf<M>,
): Promise<ResultOf<M>> {
  const answer = await askedOfAny(home, method, params);
  if (answer === undefined) throw new Error(`No daemon runs for ${home}.`);
  return answer.result;
}

/** What the daemon answers if one runs, and goes on running; undefined otherwise. */
export async function askedOfAny<M extends MethodName>(
  home: string,
  method: M,
  params: ParamsOf<M>,
): Promise<{ readonly result: ResultOf<M> } | undefined> {
  const paths = resolvePaths({ env: { BANGER_HOME: home }, home, uid: 0 });
  const daemon = await connectRunning({ paths, build: LOOKER });
  try {
    return daemon && { result: await daemon.call(method, params) };
  } catch (error) {
    // It has been killed since.
    if (isBangerError(error, 'daemon_unreachable')) return undefined;
    throw error;
  } finally {
    daemon?.close();
  }
}
