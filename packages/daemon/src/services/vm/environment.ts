import { BangerError } from '@banger/contract/error';

/** The guest's `configure` message takes 1 MiB; half of it for the environment is far past any need. */
const MAX_ENVIRONMENT_BYTES = 512 * 1024;

/** Whether it is `NAME=value` without NUL. */
export function isVariable(entry: string): boolean {
  return /^[^=\0]+=[^\0]*$/.test(entry);
}

/** Refuses what is not `NAME=value` without NUL. */
export function checkVariables(env: readonly string[]): void {
  if (!env.every(isVariable))
    throw new BangerError('invalid_argument', 'An environment entry is not of the form NAME=value.');
}

/** Refuses an environment that no guest could be configured with. */
export function checkEnvironment(env: readonly string[]): void {
  checkVariables(env);
  const bytes = env.reduce((sum, entry) => sum + Buffer.byteLength(entry), 0);
  if (bytes > MAX_ENVIRONMENT_BYTES) {
    throw new BangerError(
      'invalid_argument',
      `The environment has ${bytes} bytes; at most ${MAX_ENVIRONMENT_BYTES} are allowed.`,
    );
  }
}

/** `NAME=value` entries by name; the last of a name wins, as in a shell. */
export function environmentRecord(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    env.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
