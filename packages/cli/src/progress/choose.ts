import type { Machine } from '../machine.ts';
import { hasColour, paint } from '../render/style.ts';
import { jsonReporter } from './json-lines.ts';
import { liveReporter } from './live.ts';
import { plainReporter } from './plain.ts';
import { quietReporter } from './quiet.ts';
import type { Reporter } from './reporter.ts';

/** What a terminal that does not know its size is taken for. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** The reporter for standard error as it is: live on a terminal, plain otherwise. */
export function chooseReporter(
  { stderr, env, clock }: Pick<Machine, 'stderr' | 'env' | 'clock'>,
  { json, quiet }: { readonly json: boolean; readonly quiet: boolean },
): Reporter {
  const write = (text: string): void => void stderr.write(text);
  if (json) return jsonReporter({ write, quiet });
  if (quiet) return quietReporter({ write });
  if (stderr.isTTY !== true || env['TERM'] === 'dumb') return plainReporter({ write, clock });
  const width = (): number => stderr.columns || DEFAULT_COLUMNS;
  const height = (): number => stderr.rows || DEFAULT_ROWS;
  return liveReporter({ write, clock, width, height, paint: paint(hasColour(stderr, env)) });
}
