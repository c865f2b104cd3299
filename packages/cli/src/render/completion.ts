import { escapeText } from './escape.ts';
import type { Renderer } from './view.ts';

/** `complete`, as the scripts of the shells read it: `WORD<tab>DESCRIPTION`, or `:files`. */
export const renderAnswer: Renderer<'complete'> = ({ candidates, files }) =>
  files
    ? ':files'
    : candidates
        .map(({ value, description }) => `${escapeText(value)}\t${escapeText(description)}`)
        .join('\n');

/** `completion`: the script. */
export const renderScript: Renderer<'completion'> = ({ script }) => script.trimEnd();
