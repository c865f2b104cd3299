import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import type { Credentials } from './login.ts';

/** What `config.json` of Docker or `auth.json` of Podman says of logins (docker/cli `configfile`, containers-auth.json(5)). */
export interface CredentialFile {
  /** By host, or by an address of it. */
  readonly logins: Readonly<Record<string, Credentials>>;
  /** Suffixes of the programs to ask, by host. */
  readonly helpers: Readonly<Record<string, string>>;
  /** Suffix of the program to ask for every other host. */
  readonly store: string | undefined;
}

/** More than some thousand logins. */
const MOST_BYTES = 1024 ** 2;

/** The part after `docker-credential-`: a name, so that no file says which path we start. */
const helperSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const text = z.string().optional();
const fileSchema = z.object({
  auths: z
    .record(
      z.string(),
      z.object({ auth: text, username: text, password: text, identitytoken: text, registrytoken: text }),
    )
    .optional(),
  credHelpers: z.record(z.string(), helperSchema).optional(),
  credsStore: helperSchema.or(z.literal('')).optional(),
});
type Entry = NonNullable<z.infer<typeof fileSchema>['auths']>[string];

/** Where the files are, in the order in which they are read: `DOCKER_CONFIG` or `~/.docker`, then Podman's. */
export function credentialFiles(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): readonly string[] {
  const set = (name: string): string | undefined => environment[name] || undefined;
  const runtime = set('XDG_RUNTIME_DIR');
  const podman = [
    ...(runtime === undefined ? [] : [`${runtime}/containers/auth.json`]),
    `${set('XDG_CONFIG_HOME') ?? `${home}/.config`}/containers/auth.json`,
  ];
  const own = set('REGISTRY_AUTH_FILE');
  return [
    `${set('DOCKER_CONFIG') ?? `${home}/.docker`}/config.json`,
    ...(own === undefined ? podman : [own]),
  ];
}

/** What a file says; or why it says nothing, for a person. */
export async function readCredentialFile(path: string): Promise<CredentialFile | string> {
  const content = await readText(path);
  if (content.failure !== undefined) return content.failure;
  let value: unknown;
  try {
    value = JSON.parse(content.text);
  } catch {
    // The message of JSON.parse quotes what it read.
    return 'is not JSON';
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success)
    return `has not the expected content at ${parsed.error.issues[0]?.path.join('.') ?? 'its top'}`;
  const { auths = {}, credHelpers = {}, credsStore } = parsed.data;
  const logins = Object.entries(auths).flatMap(([key, entry]) => {
    const login = loginOf(entry);
    return login === undefined ? [] : [[key, login] as const];
  });
  return { logins: Object.fromEntries(logins), helpers: credHelpers, store: credsStore || undefined };
}

/** Undefined for an entry that only says that a helper has the login. */
function loginOf({ auth, username, password, identitytoken, registrytoken }: Entry): Credentials | undefined {
  if (registrytoken) return { kind: 'registry', token: registrytoken };
  if (identitytoken) return { kind: 'identity', token: identitytoken };
  if (auth) {
    const decoded = Buffer.from(auth, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    // Docker pads what it writes with NUL.
    if (colon > 0)
      return {
        kind: 'password',
        username: decoded.slice(0, colon),
        password: decoded.slice(colon + 1).replace(/\0+$/, ''),
      };
  }
  return username && password ? { kind: 'password', username, password } : undefined;
}

async function readText(path: string): Promise<{ text: string; failure?: never } | { failure: string }> {
  try {
    // Without O_NONBLOCK a FIFO would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return { failure: 'is not a file' };
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0);
      if (bytesRead > MOST_BYTES) return { failure: 'is too long' };
      return { text: buffer.toString('utf8', 0, bytesRead) };
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return { failure: code === 'ENOENT' || code === 'ENOTDIR' ? 'not there' : `cannot be read, ${code}` };
  }
}
