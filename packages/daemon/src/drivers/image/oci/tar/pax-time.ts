import type { Timestamp } from '../../ext4/time.ts';
import { invalidImage, shownBytes } from '../invalid.ts';

/** Digits of a second's fraction that are kept. */
const DIGITS = 9;
const SECOND = 1_000_000_000;

/** A time as a PAX record has it: decimal seconds with a fraction, which may be negative. Throws `image_invalid`. */
export function parsePaxTime(bytes: Buffer): Timestamp {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(bytes.toString('latin1'));
  if (match === null) throw invalidImage(`An archive has the time "${shownBytes(bytes)}".`);
  const [, sign, whole, fraction = ''] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, DIGITS).padEnd(DIGITS, '0'));
  if (sign === '') return { seconds, nanoseconds };
  // -1.25 is 0.75 after -2.
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: SECOND - nanoseconds };
}
