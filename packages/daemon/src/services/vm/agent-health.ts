import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** What the health of an agent is kept and told with. */
export type HealthDeps = Pick<VmDeps, 'clock' | 'log' | 'vms' | 'live' | 'events'>;

/** The agent has answered. */
export function agentReady(deps: HealthDeps, live: LiveVm): void {
  if (live.agent.state === 'ready') return;
  live.agent = { state: 'ready', since: deps.clock.now(), reason: '' };
  deps.log.info({ vm: live.id }, 'agent answers');
  tell(deps, live);
}

/** The agent does not answer; the last reason counts, and the silence since the first. */
export function agentSilent(deps: HealthDeps, live: LiveVm, reason: string): void {
  const { state, since } = live.agent;
  live.agent = { state: 'silent', since: state === 'silent' ? since : deps.clock.now(), reason };
  if (state === 'silent') return;
  deps.log.warn({ vm: live.id, reason }, 'agent is silent');
  tell(deps, live);
}

/** While a VM starts or stops its agent comes and goes, which its state tells. */
function tell({ vms, live: all, events }: HealthDeps, live: LiveVm): void {
  const row = vms.find(live.id);
  if (row?.state !== 'running' || all.get(live.id) !== live) return;
  const { state: agent, reason } = live.agent;
  events.tell({ event: 'vm.agent', id: live.id, vm: row.spec.name, agent, reason });
}
