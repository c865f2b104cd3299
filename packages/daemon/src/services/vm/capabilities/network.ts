import { BangerError } from '@banger/contract/error';
import { networkCheck } from '../../doctor/network-check.ts';
import { removeResources } from '../resources.ts';
import type { Capability } from './capability.ts';

/** The guest's way out: a NIC, and what runs beside the VMM and judges its frames. */
export const network = {
  name: 'network',
  machine: ({ deps, row }) => ({
    network: deps.networks[row.spec.network].nic({ dir: deps.layout.vm(row.id).runtime, mac: row.mac }),
  }),
  accompany: {
    title: 'Setting up the network',
    run: async (context, signal) => {
      const { deps, row } = context;
      const files = deps.layout.vm(row.id);
      const kind = row.spec.network;
      context.attachment = await deps.ledger.make(
        row.id,
        'network',
        { kind, directory: files.runtime },
        () =>
          deps.networks[kind].prepare({
            vmId: row.id,
            dir: files.runtime,
            logFile: files.networkLog,
            outbound: row.spec.outbound,
            mac: row.mac,
            signal,
          }),
        ({ handle }) => ({ kind, directory: files.runtime, handle }),
      );
      context.warnings.push(...context.attachment.warnings);
    },
    undo: ({ deps, row }) => removeResources(deps.ledger, row.id, ['network']),
  },
  settle: {
    title: 'Waiting for the network',
    run: async ({ attachment }, signal) => attachment?.ready(signal),
  },
  changesLive: ['outbound'],
  apply: async ({ deps, row, live }) => {
    const { network: handle } = live.runtime;
    if (handle === undefined) return [];
    const driver = deps.networks[row.spec.network];
    const status = await driver.status(handle);
    if (!status.up)
      throw new BangerError('network_failed', `Its network is gone (${status.reason}).`, {
        hint: `Restart it to have it again: \`banger vm restart ${row.spec.name}\`.`,
      });
    await driver.setOutbound(handle, row.spec.outbound);
    return [];
  },
  doctor: (deps) => [networkCheck(deps.network)],
} as const satisfies Capability;
