import { escapeText } from '../render/escape.ts';
import { bytesText, durationText } from '../render/units.ts';
import type { Stage } from './stages.ts';

/** How far something is; what it does not say is undefined. */
export interface Amount {
  readonly done: number | undefined;
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'steps' | undefined;
}

/** How far a stage is, as `45.2 MiB of 120 MiB`, `3 of 7`; empty when it does not say. */
export function amountText({ done, total, unit }: Partial<Amount>): string {
  if (done === undefined) return '';
  const text = unit === 'bytes' ? bytesText : String;
  return total === undefined || total <= 0 ? text(done) : `${text(done)} of ${text(total)}`;
}

/** A stage at work, as `Building image debian-bookworm · unpacking · 45.2 MiB of 120 MiB · 12 s`. */
export function stageText(stage: Stage, now: number): string {
  return [
    escapeText(stage.name),
    escapeText(stage.detail),
    amountText(stage),
    durationText(now - stage.since),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** A stage that is over, as `Building image debian-bookworm (12 s)`. */
export function endedText({ name }: Stage, ms: number): string {
  return `${escapeText(name)} (${durationText(ms)})`;
}
