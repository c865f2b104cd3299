import type { VmView } from '@banger/contract/vm';
import { sections, type Section } from './sections.ts';
import { bytesText, durationText, mibText, sinceText, timeText } from './units.ts';
import type { Renderer } from './view.ts';
import { networkText } from './vm-text.ts';

/** Between the daemon's answer and its showing. */
const NOW_MS = 1_000;

/** `vm show`: all that is known of one VM. */
export const renderVm: Renderer<'vm.show'> = (vm, screen) =>
  screen.quiet
    ? vm.name
    : sections(
        [
          state(vm, screen.now),
          machine(vm),
          running(vm, screen.now),
          {
            title: 'Steps',
            rows: vm.steps.map(({ name, ms, outcome }) => [
              name,
              outcome === 'done' ? durationText(ms) : `${durationText(ms)}  ${outcome}`,
            ]),
          },
          { title: 'Warnings', rows: vm.warnings.map((warning, index) => [String(index + 1), warning]) },
        ],
        screen,
      );

function state(vm: VmView, now: number): Section {
  return {
    title: '',
    rows: [
      ['Name', vm.name],
      ['Id', vm.id],
      ['State', `${vm.state} for ${sinceText(vm.stateSince, now)}${silenceText(vm, now)}`],
      ['Step', vm.phase],
      ['Reason', vm.reason],
      ['Hint', vm.hint],
      ['Created', timeText(vm.createdAt)],
      ['Last used', lastUseText(vm, now)],
      ['Protected', vm.protected ? 'yes, from delete, reset and prune' : ''],
      ['Kept', vm.ephemeral ? 'no, it is deleted when the command that made it ends' : ''],
    ],
  };
}

/** A running VM whose agent is silent, and since when. */
function silenceText({ state, runtime }: VmView, now: number): string {
  return state === 'running' && runtime?.agent === 'silent'
    ? `, silent for ${sinceText(runtime.agentSince, now)}`
    : '';
}

/** A VM that is used now says so by the time. */
function lastUseText({ lastUsedAt }: VmView, now: number): string {
  return Date.parse(lastUsedAt) + NOW_MS > now ? 'now' : `${sinceText(lastUsedAt, now)} ago`;
}

function machine({ spec, diskUsedBytes }: VmView): Section {
  return {
    title: 'Machine',
    rows: [
      ['Image', spec.image],
      ['Kernel', spec.kernel],
      ['CPUs', String(spec.vcpu)],
      ['Memory', mibText(spec.memoryMib)],
      ['Work disk', `${bytesText(spec.diskBytes)}, at /root`],
      ['Root disk', bytesText(spec.rootBytes)],
      ['Used on host', bytesText(diskUsedBytes)],
      ['Network', networkText(spec)],
      ...spec.env.map((variable, index) => [index === 0 ? 'Environment' : '', variable] as const),
    ],
  };
}

function running({ runtime }: VmView, now: number): Section {
  if (runtime === undefined) return { title: 'Running', rows: [] };
  return {
    title: 'Running',
    rows: [
      ['VMM', `${runtime.vmm} (${runtime.accel}), process ${runtime.pid}`],
      ['Uptime', sinceText(runtime.startedAt, now)],
      ['Boot id', runtime.bootId],
      ['Agent', `${runtime.agent} for ${sinceText(runtime.agentSince, now)}`],
      ['', runtime.agentReason],
      ['Services', runtime.initDetail === '' ? runtime.init : `${runtime.init}: ${runtime.initDetail}`],
      ['IPv4', runtime.ipv4 ?? ''],
      ['IPv6', runtime.ipv6 ?? ''],
    ],
  };
}
