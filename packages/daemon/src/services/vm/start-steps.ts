import { BangerError } from '@banger/contract/error';
import { sideBySide } from '../../domain/side-by-side.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { Stage, Step } from '../../domain/steps.ts';
import { underLock } from '../lock-order.ts';
import { capabilities } from './capabilities/list.ts';
import { consoleSize } from './console.ts';
import type { VmDeps } from './deps.ts';
import { connectGuest, waitForInit } from './guest-session.ts';
import { saidBy } from './image-defaults.ts';
import { kernelCommandLine } from './kernel-command-line.ts';
import { newLiveVm, type LiveVm } from './live.ts';
import { removeResources } from './resources.ts';
import type { StartContext } from './start-context.ts';
import { watchVm } from './watch.ts';
import { failedWait } from './failed-wait.ts';
import { makeRuntimeDirectory } from './vm-directory.ts';

/**
 * From pressing the switch to the agent's hello. A cold boot takes 4 s under emulation on a quiet machine;
 * eight at once on two cores took under 60 s.
 */
const AGENT_DEADLINE_MS = 120_000;

/** The start of a VM, step by step. */
export const startSteps: readonly Stage<StartContext>[] = [
  {
    name: 'runtime',
    title: 'Making the runtime directory',
    run: async ({ deps, row }) => {
      const path = deps.layout.vm(row.id).runtime;
      await deps.ledger.make(row.id, 'runtime', { path }, () => makeRuntimeDirectory(deps.layout, row.id));
    },
    undo: ({ deps, row }) => removeResources(deps.ledger, row.id, ['runtime']),
  },
  [
    {
      name: 'preflight',
      title: 'Checking kernel and disks',
      run: async (context, signal) => {
        const { deps, row } = context;
        [context.kernel] = await sideBySide(signal, [
          (either: AbortSignal) => deps.kernels.ready(row.spec.kernel, either),
          async (either: AbortSignal) => {
            // A daemon was killed while it replaced the root disk.
            if (row.init === '') context.said = saidBy(await deps.images.ofVm(row.spec.image, either));
          },
          ...capabilities.map(
            ({ preflight }) =>
              async () =>
                preflight?.(context),
          ),
        ]);
      },
    },
    {
      name: 'accel',
      title: 'Finding out whether KVM works here',
      quiet: true,
      run: async (context, signal, atWork) => {
        const { accel } = await underLock('KVM check', 'the host', () =>
          context.deps.vmm.probe(signal, atWork),
        );
        context.accel = accel.accel;
      },
    },
  ],
  [
    {
      name: 'vmm',
      title: 'Starting the virtual machine',
      run: async (context, signal) => {
        const { deps, row, token } = context;
        const { kernel, accel } = context;
        if (kernel === undefined || accel === undefined)
          throw new BangerError('internal', 'A step ran out of order.');
        const files = deps.layout.vm(row.id);
        context.consoleFrom = await consoleSize(files.console);
        const parts = capabilities.map(({ machine }) => machine?.(context) ?? {});
        context.vmm = await deps.ledger.make(
          row.id,
          'vmm',
          { token },
          () =>
            deps.vmm.launch(
              {
                id: row.id,
                token,
                dir: files.runtime,
                accel,
                vcpu: row.spec.vcpu,
                memoryMib: row.spec.memoryMib,
                kernel: kernel.vmlinux,
                initrd: kernel.initramfs,
                cmdline: kernelCommandLine(
                  context.said.init,
                  parts.flatMap(({ cmdline = [] }) => cmdline),
                ),
                disks: parts.flatMap(({ disks = [] }) => disks),
                network: parts.find((part) => part.network !== undefined)?.network ?? { kind: 'none' },
                consoleLog: files.console,
                vmmLog: files.vmmLog,
              },
              signal,
            ),
          ({ handle }) => ({ token, handle }),
        );
      },
      undo: ({ deps, row }) => removeResources(deps.ledger, row.id, ['vmm']),
    },
    // Begun after the VMM, which takes longer to start than all of them.
    ...capabilities.flatMap(({ name, accompany }) =>
      accompany === undefined ? [] : [{ name, ...accompany }],
    ),
  ],
  [
    // Begun first, so that what is told to be going on is the boot, which takes longer.
    ...capabilities.flatMap(({ name, settle }) =>
      settle === undefined ? [] : [{ name: `${name}-ready`, ...settle }],
    ),
    {
      name: 'agent',
      title: 'Booting to the agent',
      run: async (context, signal) => {
        const { deps, row, said, warnings } = context;
        const live = watchStarted(context);
        const configured = { ...row, ...said };
        const told = await failedWait(deps, row, live, 'agent hello', signal, (waitSignal) =>
          connectGuest(deps, configured, live, { deadlineMs: AGENT_DEADLINE_MS, signal: waitSignal }),
        );
        warnings.push(...told);
      },
      undo: async ({ deps, row, live }) => {
        live?.released.abort();
        live?.session?.close();
        deps.runtimes.clear(row.id);
      },
    },
  ],
];

/** Writes down what another daemon needs to find a VM again, now that all of it runs, and watches it from here on. */
function watchStarted(context: StartContext): LiveVm {
  const { deps, row, vmm, attachment, consoleFrom } = context;
  if (vmm === undefined || attachment === undefined || consoleFrom === undefined)
    throw new BangerError('internal', 'A step ran out of order.');
  const runtime = {
    vmm: vmm.handle,
    network: attachment.handle,
    addresses: attachment.guest,
    agentKey: Buffer.from(context.agentKey).toString('hex'),
    startedAt: deps.clock.now(),
    consoleFrom,
  };
  deps.runtimes.set(row.id, runtime);
  const live = newLiveVm(row.id, vmm, runtime, runtime.startedAt);
  context.live = live;
  watchVm(deps, live);
  return live;
}

/** The last step, for who asked for it: also wait for the image's own services. */
export const initStep: Step<StartContext> = {
  name: 'init',
  title: "Waiting for the image's services",
  run: ({ deps, row, live }, signal) => awaitInit(deps, row, live, signal),
};

/** Waits for the services of a VM that runs. Rejects with `agent_not_ready` for one whose VMM does not answer. */
export async function awaitInit(
  deps: VmDeps,
  row: VmRow,
  live: LiveVm | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (live === undefined)
    throw new BangerError('agent_not_ready', `${row.spec.name} runs, but does not answer. ${row.reason}`);
  await failedWait(deps, row, live, 'init', signal, (waitSignal) =>
    waitForInit(live, deps.clock, waitSignal),
  );
}
