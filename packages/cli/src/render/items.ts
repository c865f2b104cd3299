import { escapeText } from './escape.ts';
import type { Renderer } from './view.ts';

/** What became of several names: a line for each that went well; the others are told as errors. */
export const renderItems: Renderer<'items'> = (items, screen) =>
  items
    .filter((item) => item.ok)
    .map(({ name, state }) => escapeText(screen.quiet ? name : `${name}: ${state}`))
    .join('\n');
