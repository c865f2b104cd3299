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
    ...capabilities.flatMap(({ name, prepare }) => (prepare === undefined ? [] : [{ name, ...prepare }])),
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
  {
    name: 'vmm',
    title: 'Starting the virtual machine',
    run: async (context, signal) => {
      const { deps, row, token } = context;
      const { kernel, attachment, accel } = context;
      if (kernel === undefined || attachment === undefined || accel === undefined)
        throw new BangerError('internal', 'A step ran out of order.');
      const files = deps.layout.vm(row.id);
      const consoleFrom = await consoleSize(files.console);
      const parts = capabilities.map(({ machine }) => machine?.(context) ?? {});
      // A VMM that finds its network gone cannot tell why, the network can.
      const orNetworkEnded = async (thrown: unknown): Promise<never> => {
        const network = await deps.networks[row.spec.network].status(attachment.handle);
        if (!network.up) await attachment.ready(signal);
        throw thrown;
      };
      const vmm = await deps.ledger.make(
        row.id,
        'vmm',
        { token },
        () =>
          deps.vmm
            .launch(
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
            )
            .catch(orNetworkEnded),
        ({ handle }) => ({ token, handle }),
      );
      context.vmm = vmm;
      const runtime = {
        vmm: vmm.handle,
        network: attachment.handle,
        addresses: attachment.guest,
        agentKey: Buffer.from(context.agentKey).toString('hex'),
        startedAt: deps.clock.now(),
        consoleFrom,
      };
      deps.runtimes.set(row.id, runtime);
      context.live = newLiveVm(row.id, vmm, runtime, runtime.startedAt);
      watchVm(deps, context.live);
    },
    undo: async ({ deps, row }) => {
      await removeResources(deps.ledger, row.id, ['vmm']);
      deps.runtimes.clear(row.id);
    },
  },
  [
    // Begun first, so that what is told to be going on is the boot, which takes longer.
    ...capabilities.flatMap(({ name, settle }) =>
      settle === undefined ? [] : [{ name: `${name}-ready`, ...settle }],
    ),
    {
      name: 'agent',
      title: 'Booting to the agent',
      run: async ({ deps, row, said, live, warnings }, signal) => {
        if (live === undefined) throw new BangerError('internal', 'A step ran out of order.');
        const configured = { ...row, ...said };
        const told = await failedWait(deps, row, live, 'agent hello', signal, (waitSignal) =>
          connectGuest(deps, configured, live, { deadlineMs: AGENT_DEADLINE_MS, signal: waitSignal }),
        );
        warnings.push(...told);
      },
      undo: async ({ live }) => {
        live?.released.abort();
        live?.session?.close();
      },
    },
  ],
];

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
