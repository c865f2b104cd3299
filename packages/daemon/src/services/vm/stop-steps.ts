import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import type { Step } from '../../domain/steps.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { powerOff, sync } from './power-off.ts';
import { removeResources, runtimeKinds } from './resources.ts';

/** What the asking steps of a stop share. */
export interface StopContext {
  readonly deps: VmDeps;
  readonly live: LiveVm;
  /** How the machine ended, as soon as it has. */
  end?: VmmEnd;
}

/** The polite part of a stop. What each rejects with is told in `power-off.ts`; there is nothing to undo. */
export const powerOffSteps: readonly Step<StopContext>[] = [
  {
    name: 'sync',
    title: 'Having the guest write what it holds',
    run: async (context, signal) => {
      const end = await sync(context.deps, context.live, signal);
      if (end !== undefined) context.end = end;
    },
  },
  {
    name: 'power-off',
    title: 'Waiting for the guest to power off',
    run: async (context, signal) => {
      context.end ??= await powerOff(context.deps, context.live, signal);
    },
  },
];

/** Ends a VMM by a signal, without asking its guest. */
export function killStep(kill: () => Promise<void>): Step<unknown> {
  return { name: 'kill', title: 'Ending the virtual machine', run: kill };
}

const titles: Readonly<Record<(typeof runtimeKinds)[number], string>> = {
  vmm: 'Clearing away the VMM',
  network: 'Clearing away the network',
  runtime: 'Clearing away the runtime directory',
};

/** The end of every run, however it came: what it had on the host goes. Each step runs whatever the others do. */
export const releaseSteps: readonly Step<{ readonly deps: VmDeps; readonly id: string }>[] = runtimeKinds.map(
  (kind) => ({
    name: kind,
    title: titles[kind],
    run: ({ deps, id }) => removeResources(deps.ledger, id, [kind]),
  }),
);
