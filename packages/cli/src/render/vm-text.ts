import type { VmSpec, VmView } from '@banger/contract/vm';
import type { Tone } from './style.ts';
import { bytesText, mibText } from './units.ts';

/** The colour of a VM's state. */
export function stateTone({ state, runtime }: VmView): Tone | undefined {
  if (state === 'error') return 'red';
  if (state === 'running') return runtime?.agent === 'silent' ? 'yellow' : 'green';
  return state === 'stopped' ? 'dim' : 'yellow';
}

/** A VM's state in words: one that runs and whose agent is silent is called that. */
export function stateText({ state, runtime }: VmView): string {
  return state === 'running' && runtime?.agent === 'silent' ? 'running (silent)' : state;
}

/** What a person should know of a VM besides its state; empty when there is nothing. */
export function noteOf(vm: VmView): string {
  return [vm.protected ? 'protected' : '', conditionOf(vm)].filter((note) => note !== '').join('; ');
}

function conditionOf({ state, phase, reason, runtime, warnings }: VmView): string {
  if (state === 'running' && runtime?.agent === 'silent') return runtime.agentReason.split('\n')[0] ?? '';
  if (state === 'running' && runtime?.init === 'pending') return 'services are starting';
  if (state === 'running' && runtime?.init === 'failed') return `services failed: ${runtime.initDetail}`;
  const [short = ''] = reason.split('\n');
  if (short !== '') return phase === '' || state !== 'error' ? short : `${phase}: ${short}`;
  return warnings[0] ?? '';
}

/** The network of a spec in words. */
export function networkText({ network, outbound }: Pick<VmSpec, 'network' | 'outbound'>): string {
  if (network === 'none') return 'none';
  return outbound ? network : `${network}, closed to the outside`;
}

/** A spec on one line, as `box · debian-bookworm · 2 vcpu · 2 GiB · disk 8 GiB · root 8 GiB · network user`. */
export function specText(spec: VmSpec, vmm: string): string {
  return [
    spec.name,
    spec.image,
    `${spec.vcpu} vcpu`,
    mibText(spec.memoryMib),
    `disk ${bytesText(spec.diskBytes)}`,
    `root ${bytesText(spec.rootBytes)}`,
    `network ${networkText(spec)}`,
    vmm,
  ].join(' · ');
}
