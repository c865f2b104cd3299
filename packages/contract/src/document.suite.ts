import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, type FormatConfig } from 'oxfmt';
import { expect } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const docs = join(root, 'docs');

/**
 * Checks that the part of a document between `<!-- NAME -->` and `<!-- /NAME -->` is the given Markdown. With
 * `BANGER_WRITE_DOCS=1` it is written there instead.
 */
export async function expectSection(document: string, name: string, markdown: string): Promise<void> {
  const path = join(docs, document);
  const text = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  if (from < begin.length || to < from) throw new Error(`${document} has no section ${name}.`);
  const wanted = `${text.slice(0, from)}\n\n${markdown}\n\n${text.slice(to)}`;
  const style = JSON.parse(readFileSync(join(root, '.oxfmtrc.json'), 'utf8')) as FormatConfig;
  const { code: formatted } = await format(path, wanted, style);
  if (process.env['BANGER_WRITE_DOCS'] === '1') writeFileSync(path, formatted);
  else expect(text, `BANGER_WRITE_DOCS=1 writes docs/${document} anew`).toBe(formatted);
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
