import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** The agent has answered. */
export function agentReady(deps: Pick<VmDeps, 'clock' | 'log'>, live: LiveVm): void {
  if (live.agent.state === 'ready') return;
  live.agent = { state: 'ready', since: deps.clock.now(), reason: '' };
  deps.log.info({ vm: live.id }, 'agent answers');
}

/** The agent does not answer; the last reason counts, and the silence since the first. */
export function agentSilent(deps: Pick<VmDeps, 'clock' | 'log'>, live: LiveVm, reason: string): void {
  const { state, since } = live.agent;
  live.agent = { state: 'silent', since: state === 'silent' ? since : deps.clock.now(), reason };
  if (state === 'ready') deps.log.warn({ vm: live.id, reason }, 'agent is silent');
}
