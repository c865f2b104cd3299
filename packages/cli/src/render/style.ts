import { styleText } from 'node:util';
import type { Output } from '../machine.ts';

export type Tone = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Colours a text, or leaves it. */
export type Paint = (tone: Tone, text: string) => string;

/** A painter that colours only when `colour` is true. */
export function paint(colour: boolean): Paint {
  return (tone, text) => (colour && text !== '' ? styleText(tone, text, { validateStream: false }) : text);
}

/** Colour only on a terminal that can show it, and never with `NO_COLOR` (no-color.org: set and not empty). */
export function hasColour(stream: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
