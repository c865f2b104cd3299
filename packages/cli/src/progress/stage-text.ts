import { escapeText } from '../render/escape.ts';
import { bytesText, durationText } from '../render/units.ts';
import type { Stage } from './stages.ts';

/** Sooner than this a speed says nothing yet. */
const SPEED_MS = 1_000;

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

/** A stage at work, as `Fetching kernel mine · 45.2 MiB of 120 MiB · 3.8 MiB/s · 12 s`. */
export function stageText(stage: Stage, now: number): string {
  return [
    escapeText(stage.name),
    escapeText(stage.detail),
    amountText(stage),
    speedText(stage, now - stage.since),
    durationText(now - stage.since),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** A stage that is over, as `Building image debian-bookworm (12 s)`, `Fetching kernel mine (120 MiB, 3.8 MiB/s, 32 s)`. */
export function endedText(stage: Stage, ms: number): string {
  const speed = speedText(stage, ms);
  const parts = [...(speed === '' ? [] : [bytesText(stage.done ?? 0), speed]), durationText(ms)];
  return `${escapeText(stage.name)} (${parts.join(', ')})`;
}

/** How fast bytes have come so far, as `3.8 MiB/s`; empty for what has none. */
export function speedText({ done, unit }: Partial<Amount>, ms: number): string {
  return unit !== 'bytes' || done === undefined || ms < SPEED_MS ? '' : `${bytesText((done / ms) * 1000)}/s`;
}
