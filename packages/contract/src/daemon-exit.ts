import { BangerError } from './error.ts';
import { errorCodes } from './error-codes.ts';

/**
 * Exit status of a daemon that found its state directory held by another one (`daemon_held`). Of two clients that start
 * a daemon at once, one sees this and connects to the other's.
 */
export const DAEMON_HELD_EXIT = 3;

/** What a daemon that cannot start puts into its last log line, for the client that started it. */
export interface StartFailure {
  readonly failure: Pick<BangerError, 'code' | 'message' | 'hint' | 'details'>;
}

/** The members of that line. */
export function startFailure({ code, message, hint, details }: BangerError): StartFailure {
  return { failure: { code, message, hint, details } };
}

/** The error in such a line; undefined when the line is another one. */
export function readStartFailure(line: string): BangerError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const failure = (value as Partial<StartFailure> | null)?.failure as Partial<StartFailure['failure']> | null;
  if (typeof failure?.code !== 'string' || !Object.hasOwn(errorCodes, failure.code)) return undefined;
  if (typeof failure.message !== 'string') return undefined;
  const { hint, details } = failure;
  return new BangerError(failure.code, failure.message, {
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(typeof details === 'object' && details !== null ? { details } : {}),
  });
}
