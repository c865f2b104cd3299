import { escapeText } from './escape.ts';

/** The names of pino's levels (pino documentation, "Logger levels"). */
const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
/** What every line has, and a person does not need in each. */
const leftOut = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'v']);

/**
 * One of the daemon's JSON lines for a person, as `2026-01-31T12:00:00.000Z info  VM started vm=box`; a line that is no JSON object
 * is shown as it is, its control characters escaped.
 */
export function logLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return escapeText(line);
    entry = parsed as Record<string, unknown>;
  } catch {
    return escapeText(line);
  }
  const { level, time, msg } = entry;
  const facts = Object.entries(entry).flatMap(([key, value]) =>
    leftOut.has(key) ? [] : [`${key}=${factText(value)}`],
  );
  return [
    timeOf(time),
    (levels[level as number] ?? String(level)).padEnd(5),
    typeof msg === 'string' ? msg : '',
    ...facts,
  ]
    .filter((part) => part !== '')
    .map(escapeText)
    .join(' ');
}

function timeOf(time: unknown): string {
  if (typeof time === 'string') return time;
  const date = new Date(typeof time === 'number' ? time : Number.NaN);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

function factText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
