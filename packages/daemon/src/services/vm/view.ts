import { stat } from 'node:fs/promises';
import type { VmView } from '@banger/contract/vm';
import type { VmRow } from '../../domain/vm-row.ts';
import { consoleTail, consoleText } from './console.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** A VM as clients see it: its row, and what is seen of it now. */
export async function viewOf(
  deps: Pick<VmDeps, 'live' | 'layout' | 'uses' | 'steps'>,
  row: VmRow,
): Promise<VmView> {
  const { id, spec, state, phase, reason, hint, steps, warnings, ephemeral } = row;
  const files = deps.layout.vm(id);
  const used = await Promise.all([files.rootDisk, files.workDisk].map(usedBytes));
  const live = deps.live.get(id);
  return {
    id,
    name: spec.name,
    state,
    phase,
    reason,
    hint,
    stateSince: iso(row.stateSince),
    createdAt: iso(row.createdAt),
    lastUsedAt: iso(deps.uses.lastUsedAt(row)),
    spec,
    diskUsedBytes: used.reduce((sum, bytes) => sum + bytes, 0),
    // Of what is at work on it, if anything is: the row has them at its end.
    steps: deps.steps.of(id) ?? [...steps],
    warnings: [...warnings],
    ephemeral,
    protected: row.protected,
    ...(live === undefined
      ? {}
      : {
          runtime: {
            pid: live.vmm.handle.process.pid,
            vmm: `${live.vmm.handle.driver} ${live.vmm.handle.version}`,
            accel: live.vmm.handle.accel,
            startedAt: iso(live.runtime.startedAt),
            bootId: live.session?.hello.bootId ?? '',
            agent: live.agent.state,
            agentSince: iso(live.agent.since),
            agentReason: await silenceOf(live, files.console),
            init: live.init.state,
            initDetail: live.init.detail,
            ...(live.runtime.addresses?.ipv4 === undefined
              ? {}
              : { ipv4: live.runtime.addresses.ipv4.address }),
            ...(live.runtime.addresses?.ipv6 === undefined
              ? {}
              : { ipv6: live.runtime.addresses.ipv6.address }),
          },
        }),
  };
}

/** Why the agent is silent, with what the console shows now; empty when it answers. */
async function silenceOf({ agent, consoleFrom }: LiveVm, console: string): Promise<string> {
  if (agent.state === 'ready') return '';
  return `${agent.reason}\n${consoleText(await consoleTail(console, consoleFrom))}`;
}

/** Blocks in use, stat(2): 512 bytes each whatever the file system's own. */
const STAT_BLOCK_BYTES = 512;

async function usedBytes(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined; // Not made yet, or being deleted.
    throw error;
  });
  return (found?.blocks ?? 0) * STAT_BLOCK_BYTES;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
