import type { Orphan } from '@banger/contract/gc';
import { escapeText } from './escape.ts';
import { table } from './table.ts';
import { sinceText } from './units.ts';
import type { Renderer } from './view.ts';

/** `gc`: a line for each orphan, then what could not be looked at. */
export const renderGc: Renderer<'gc'> = ({ orphans, unseen }, screen) => {
  if (screen.quiet) return orphans.map(({ what }) => escapeText(what)).join('\n');
  const rows = table<Orphan>(
    orphans,
    [
      { title: 'ORPHAN', text: ({ what }) => what },
      { title: 'OF', text: ownerText },
      { title: 'SINCE', text: ({ since }) => sinceText(since, screen.now) },
      {
        title: 'OUTCOME',
        text: outcomeText,
        tone: ({ outcome }) => (outcome === 'failed' ? 'red' : undefined),
      },
    ],
    screen,
  );
  return [
    ...(orphans.length === 0 ? [] : [rows]),
    ...unseen.map((what) => `could not be looked at: ${escapeText(what)}`),
    ...(orphans.length === 0 && unseen.length === 0 ? ['There are no orphans.'] : []),
  ].join('\n');
};

function ownerText({ vm, vmName }: Orphan): string {
  if (vm === '') return '-';
  return vmName === '' ? `${vm}, which is gone` : vmName;
}

function outcomeText({ outcome, action, reason }: Orphan): string {
  if (outcome === 'failed') return `not removed: ${reason}`;
  return outcome === 'removed' ? 'removed' : `would ${action}`;
}
