import { escapeText } from './escape.ts';
import { paint } from './style.ts';
import type { Screen } from './view.ts';
import { pad } from './width.ts';

/** A titled block of label and value; rows with an empty value are left out, and a section without rows too. */
export interface Section {
  /** Empty for the block on top. */
  readonly title: string;
  readonly rows: readonly (readonly [label: string, value: string])[];
}

/** Sections below each other, all labels of one width. */
export function sections(list: readonly Section[], screen: Screen): string {
  const colour = paint(screen.colour);
  const filled = list
    .map(({ title, rows }) => ({ title, rows: rows.filter(([, value]) => value !== '') }))
    .filter(({ rows }) => rows.length > 0);
  const width = Math.max(...filled.flatMap(({ rows }) => rows.map(([label]) => label.length)));
  return filled
    .map(({ title, rows }) => {
      const indent = title === '' ? '' : '  ';
      const lines = rows.flatMap(([label, value]) =>
        // Further lines stand below the first: text of a guest cannot pass for a label.
        value
          .split('\n')
          .map((line, index) =>
            `${indent}${pad(index === 0 ? escapeText(label) : '', width)}  ${escapeText(line)}`.trimEnd(),
          ),
      );
      return [...(title === '' ? [] : [colour('bold', title)]), ...lines].join('\n');
    })
    .join('\n\n');
}
