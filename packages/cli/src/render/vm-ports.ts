import type { VmPort } from '@banger/contract/guest';
import { escapeText } from './escape.ts';
import { table } from './table.ts';
import type { Renderer } from './view.ts';

/** `vm ports`: one line a listener; names that failed are told as errors. */
export const renderPorts: Renderer<'vm.ports'> = (items, screen) => {
  const ports = items.flatMap((item) => (item.ok ? item.result : []));
  if (screen.quiet) return ports.map(({ endpoint }) => escapeText(endpoint)).join('\n');
  if (ports.length === 0) return '';
  return table<VmPort>(
    ports,
    [
      { title: 'ENDPOINT', text: ({ endpoint }) => endpoint },
      { title: 'SERVICE', text: ({ service }) => service },
      { title: 'PROCESS', text: processText, shrinks: true },
      { title: 'LISTENS ON', text: ({ addresses }) => addresses.join(', '), shrinks: true },
    ],
    screen,
  );
};

function processText({ program, pid }: VmPort): string {
  if (program === undefined) return pid === undefined ? '-' : String(pid);
  return pid === undefined ? program : `${program} (${pid})`;
}
