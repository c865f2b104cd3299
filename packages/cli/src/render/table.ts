import { escapeText } from './escape.ts';
import { paint, type Tone } from './style.ts';
import type { Screen } from './view.ts';
import { cut, widthOf } from './width.ts';

/** A column of a table. Of those that may shrink, the last one gives way first where the terminal is too narrow. */
export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  readonly tone?: (row: T) => Tone | undefined;
  readonly shrinks?: boolean;
  /** Left out when it is empty in every row. */
  readonly optional?: boolean;
}

/** Columns that a cut cell keeps at least: less tells nothing. */
const LEAST_COLUMNS = 8;
const GAP = '  ';

/** A column with its texts, and the width that it gets. */
interface Laid<T> {
  readonly column: Column<T>;
  readonly cells: readonly { readonly text: string; readonly tone: Tone | undefined }[];
  readonly width: number;
}

/** Rows under their titles; cells are escaped, and cut only where the screen has a width. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], screen: Screen): string {
  const laid = fit(
    columns
      .map((column) => layOut(column, rows))
      .filter(({ column, cells }) => column.optional !== true || cells.some(filled)),
    screen.width,
  );
  const colour = paint(screen.colour);
  const line = (cellOf: (column: Laid<T>) => { text: string; tone: Tone | undefined } | undefined): string =>
    laid
      .map((column, index) => {
        const { text, tone } = cellOf(column) ?? { text: '', tone: undefined };
        const shown = cut(text, column.width);
        const gap =
          index === laid.length - 1 ? '' : ' '.repeat(Math.max(0, column.width - widthOf(shown))) + GAP;
        return (tone === undefined ? shown : colour(tone, shown)) + gap;
      })
      .join('')
      .trimEnd();
  const titles = line(({ column }) => ({ text: column.title, tone: 'bold' }));
  return [titles, ...rows.map((_, row) => line(({ cells }) => cells[row]))].join('\n');
}

function layOut<T>(column: Column<T>, rows: readonly T[]): Laid<T> {
  const cells = rows.map((row) => ({ text: escapeText(column.text(row)), tone: column.tone?.(row) }));
  return { column, cells, width: Math.max(column.title.length, ...cells.map(({ text }) => widthOf(text))) };
}

function filled({ text }: { readonly text: string }): boolean {
  return text !== '';
}

/** Takes from the columns that may shrink, the last first, until the line fits. */
function fit<T>(laid: readonly Laid<T>[], width: number | undefined): readonly Laid<T>[] {
  if (width === undefined) return laid;
  let over = laid.reduce((sum, column) => sum + column.width, 0) + GAP.length * (laid.length - 1) - width;
  return laid
    .toReversed()
    .map((each) => {
      if (each.column.shrinks !== true || over <= 0) return each;
      const less = Math.min(over, Math.max(0, each.width - LEAST_COLUMNS));
      over -= less;
      return { ...each, width: each.width - less };
    })
    .toReversed();
}
