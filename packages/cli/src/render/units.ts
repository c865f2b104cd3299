const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Bytes in the largest binary unit that fits, as `8 GiB`, `45.2 MiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(value < 100 ? 1 : 0))} ${BYTE_UNITS[unit]}`;
}

/** MiB in the largest binary unit that fits. */
export function mibText(mib: number): string {
  return bytesText(mib * 1024 ** 2);
}

/** A duration in its two largest units, as `0.4 s`, `12 s`, `2 min 3 s`, `5 d 1 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (Math.round(seconds) < 60) return `${Math.round(seconds)} s`;
  return twoUnits(Math.round(seconds), [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]);
}

function twoUnits(seconds: number, units: readonly (readonly [size: number, name: string])[]): string {
  const first = units.findIndex(([size]) => seconds >= size);
  const parts: string[] = [];
  let rest = seconds;
  for (const [size, name] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${name}`);
    rest %= size;
  }
  return parts.join(' ');
}

/** How long ago an ISO time was, for a person; empty when it is no time. */
export function sinceText(iso: string, now: number): string {
  const then = Date.parse(iso);
  return Number.isNaN(then) ? '' : durationText(Math.max(0, Math.floor((now - then) / 1000)) * 1000);
}

/** An ISO time to the second, as `2026-01-31 12:00:00 UTC`; what is no time is given back. */
export function timeText(iso: string): string {
  const then = new Date(iso);
  return Number.isNaN(then.getTime()) ? iso : `${then.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
