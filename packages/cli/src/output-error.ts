import { BangerError } from '@banger/contract/error';

/** True when nobody reads the output any more, which is no failure of the one who writes. */
export function isBrokenPipe(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException | null)?.code === 'EPIPE';
}

/** What a failed write to our own output is to a person; a broken pipe stays what it is, and what is no write's error too. */
export function outputError<T>(thrown: T): T | BangerError {
  const { code, syscall } = (thrown ?? {}) as NodeJS.ErrnoException;
  if (syscall !== 'write' || code === undefined || isBrokenPipe(thrown)) return thrown;
  return new BangerError('output_failed', `The output could not be written (${code}): some of it is lost.`, {
    cause: thrown,
  });
}
