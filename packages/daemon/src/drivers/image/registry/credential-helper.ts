import { z } from 'zod';
import type { Runner } from '../../../host/runner.ts';
import type { Credentials } from './login.ts';

/** A helper may ask a keyring, which may ask the user to unlock it. */
const HELPER_MS = 60_000;
/** What helpers answer for a server that they do not know (docker-credential-helpers, `credentials/error.go`). */
const NOT_FOUND = /credentials not found/i;
/** The user name with which a helper says that the secret is an identity token. */
const TOKEN_USER = '<token>';
/**
 * Where helpers find their keyring, files and profile: places and names, no secrets. Without them they would ask somewhere
 * else than the user's own `docker login` did.
 */
const HELPER_VARIABLES = [
  'AWS_CONFIG_FILE',
  'AWS_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'CLOUDSDK_CONFIG',
  'DBUS_SESSION_BUS_ADDRESS',
  'GNUPGHOME',
  'PASSWORD_STORE_DIR',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
];

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

/**
 * Asks `docker-credential-NAME get` for a server (protocol of docker-credential-helpers); a text that says why when it has
 * none. Rejects as the runner does; an answer is in no error.
 */
export async function askHelper(
  runner: Runner,
  name: string,
  server: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Credentials | string> {
  const env = Object.fromEntries(
    HELPER_VARIABLES.flatMap((variable) => {
      const value = environment[variable];
      return value === undefined ? [] : [[variable, value] as const];
    }),
  );
  const { stdout, exitCode } = await runner.run([`docker-credential-${name}`, 'get'], {
    env,
    input: server,
    signal,
    timeoutMs: HELPER_MS,
    okExitCodes: [0, 1],
  });
  if (exitCode !== 0) return NOT_FOUND.test(stdout) ? `nothing for ${server}` : 'failed';
  const answer = answerSchema.safeParse(json(stdout));
  if (!answer.success) return 'gave no answer that can be read';
  const { Username: username, Secret: secret } = answer.data;
  if (secret === '') return `nothing for ${server}`;
  return username === TOKEN_USER
    ? { kind: 'identity', token: secret }
    : { kind: 'password', username, password: secret };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
