import type { VmView } from '@banger/contract/vm';
import { table } from './table.ts';
import { sinceText, mibText, bytesText } from './units.ts';
import type { Renderer } from './view.ts';
import { noteOf, stateText, stateTone } from './vm-text.ts';

/** `vm list`: one line a VM. */
export const renderVmList: Renderer<'vm.list'> = (vms, screen) =>
  screen.quiet
    ? vms.map(({ name }) => name).join('\n')
    : table<VmView>(
        vms,
        [
          { title: 'NAME', text: ({ name }) => name, shrinks: true },
          { title: 'STATE', text: stateText, tone: stateTone },
          { title: 'IMAGE', text: ({ spec }) => spec.image, shrinks: true },
          { title: 'VCPU', text: ({ spec }) => String(spec.vcpu) },
          { title: 'MEMORY', text: ({ spec }) => mibText(spec.memoryMib) },
          { title: 'DISK', text: ({ diskUsedBytes }) => bytesText(diskUsedBytes) },
          {
            title: 'UPTIME',
            text: ({ runtime }) => (runtime === undefined ? '-' : sinceText(runtime.startedAt, screen.now)),
          },
          { title: 'NOTE', text: noteOf, shrinks: true, optional: true },
        ],
        screen,
      );
