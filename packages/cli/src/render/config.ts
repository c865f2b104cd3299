import type { ConfigView } from '@banger/contract/config';
import { escapeText } from './escape.ts';
import { table } from './table.ts';
import type { Renderer } from './view.ts';

type Row = ConfigView['values'][number];

/** `config show`: a line a key; what the file says by now, where that is something else. `-q`: the keys alone. */
export const renderConfig: Renderer<'config.show'> = ({ file, found, values, now }, screen) => {
  const keys = table<Row>(
    values,
    [
      { title: 'KEY', text: ({ key }) => key },
      { title: 'VALUE', text: ({ value }) => valueText(value) },
      { title: 'FROM', text: fromText },
    ],
    { ...screen, width: undefined },
  );
  if (screen.quiet) return keys;
  return [`${escapeText(file)}${found ? '' : absence(now)}`, '', keys, ...nowLines(now)].join('\n');
};

/** Of a file that the daemon did not find; there may be one by now. */
function absence(now: ConfigView['now']): string {
  return now.state === 'unchanged' ? ' (not there)' : ' (not there when the daemon started)';
}

/** `config path`: as it is, for `$EDITOR`. */
export const renderConfigPath: Renderer<'config.path'> = ({ file }) => file;

function fromText({ origin, source }: Row): string {
  if (source === '') return origin;
  return origin === 'config' ? source : `${origin}: ${source}`;
}

function nowLines(now: ConfigView['now']): readonly string[] {
  if (now.state === 'unchanged') return [];
  if (now.state === 'invalid')
    return [
      '',
      'The file cannot be used by now: what the daemon read before still holds, and no new daemon starts.',
    ];
  if (now.differences.length === 0) return ['', 'The file has changed since, but no value differs.'];
  return [
    '',
    'The file has changed since. `banger daemon stop` has the next command start a daemon with:',
    ...now.differences.map(
      ({ key, from, to }) => `  ${escapeText(key)}: ${valueText(to)}, not ${valueText(from)}`,
    ),
  ];
}

function valueText(value: Row['value']): string {
  return value === null ? 'off' : escapeText(String(value));
}
