import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { consoleTail, panicReason } from './console.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { runtimeKinds } from './resources.ts';
import type { StateReason } from './states.ts';

/** Releases what a run had and brings the VM to the state that its end means; the caller holds the VM's lock. */
export async function settleEnd(deps: VmDeps, live: LiveVm, end: VmmEnd): Promise<VmRow> {
  // Its VMM is gone, and removing the rest may take a while: nobody is told that it runs.
  deps.states.go(live.id, 'stopping');
  const path = deps.layout.vm(live.id).console;
  const from = live.consoleFrom;
  const console = end.kind === 'guest-panic' || end.kind === 'vmm-died' ? await consoleTail(path, from) : [];
  const panic = end.kind === 'guest-panic' ? await panicReason(path, from) : '';
  return release(deps, live, (errors) => {
    const { state, why } = meaningOf(end, console, panic);
    const leftOver = errors.map((message) => `Not removed: ${message}`);
    return deps.states.go(live.id, errors.length === 0 ? state : 'error', {
      ...why,
      reason: [why.reason ?? '', ...leftOver].filter((line) => line !== '').join('\n'),
    });
  });
}

/**
 * Lets go of a run: channel, VMM, network, sockets. `told` brings the VM to the state after it, with what could not be removed; whoever
 * lost a command in the guest hears of it then, and not before.
 */
export async function release<T>(
  deps: VmDeps,
  live: LiveVm,
  told: (leftOver: readonly string[]) => T,
): Promise<T> {
  live.released.abort();
  live.session?.close();
  live.session = undefined;
  live.initSettled.resolve();
  deps.live.delete(live.id);
  try {
    const errors = await deps.ledger.remove(live.id, runtimeKinds);
    deps.runtimes.clear(live.id);
    return told(errors.map((error) => error.message));
  } finally {
    live.over.resolve();
  }
}

function meaningOf(
  end: VmmEnd,
  console: readonly string[],
  panic: string,
): { state: 'stopped' | 'error'; why: StateReason } {
  const lines =
    console.length === 0
      ? ''
      : `\nLast lines of the console:\n${console.map((line) => `  ${line}`).join('\n')}`;
  const hint = 'Read the console with `banger vm logs`, then start the VM again or delete it.';
  switch (end.kind) {
    case 'guest-poweroff':
      return { state: 'stopped', why: { reason: 'The guest powered off.' } };
    case 'killed':
      return { state: 'stopped', why: { reason: 'It was killed.' } };
    case 'guest-panic':
      return {
        state: 'error',
        why: {
          phase: 'running',
          reason: `The guest kernel panicked${panic === '' ? '' : `: ${panic}`}.${lines}`,
          hint,
        },
      };
    case 'vmm-died':
      return {
        state: 'error',
        why: {
          phase: 'running',
          reason: `The VMM ended${end.detail === '' ? '' : `: ${end.detail}`}.${lines}`,
          hint,
        },
      };
  }
}
