import { escapeText } from '../render/escape.ts';
import { cut, pad } from '../render/width.ts';
import { amountText, speedText } from './stage-text.ts';
import type { Part, Stage } from './stages.ts';

/** As wide as a person needs to see it move. */
const BAR_COLUMNS = 24;
/** With less room than this the name and the figures tell more. */
const BAR_FROM_COLUMNS = 70;
/** Digests are told apart by their first twelve digits, as docker shows them. */
const DIGEST = /^sha256:([0-9a-f]{12})[0-9a-f]{52}$/;

/** A line for each part of a stage that is at work, as `  3f9c1d20ab47 [=====>      ] 45.2 MiB of 120 MiB · 3.8 MiB/s`. */
export function partTexts({ parts = [], unit }: Stage, now: number, columns: number): string[] {
  const names = parts.map(({ name }) => escapeText(name.replace(DIGEST, '$1')));
  const width = Math.max(0, ...names.map((name) => name.length));
  return parts.map((part, at) => {
    const amount = { ...part, unit };
    const speed = speedText(amount, now - part.since);
    const figures = [amountText(amount), ...(speed === '' ? [] : [speed])].join(' · ');
    const bar = columns < BAR_FROM_COLUMNS ? '' : `${barText(part)} `;
    return cut(`  ${pad(names[at] ?? '', width)} ${bar}${figures}`, columns);
  });
}

function barText({ done, total }: Part): string {
  const full = Math.floor((BAR_COLUMNS * Math.min(done, total)) / total);
  return `[${pad(`${'='.repeat(full)}>`, BAR_COLUMNS).slice(0, BAR_COLUMNS)}]`;
}
