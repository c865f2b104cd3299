import { z } from 'zod';
import { shownUrl, TemporaryFailure } from '../../../host/http/failure.ts';
import { getFollowing } from '../../../host/http/redirects.ts';
import { discard, readBody, type Answer, type Transport } from '../../../host/http/transport.ts';
import type { Credentials } from './login.ts';
import { registryFailed } from './failure.ts';
import { MOST_TOKEN_BYTES } from './limits.ts';

/** What to ask a token for; together with who asks it tells what a token is good for. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string;
}

/** A bearer token. */
export interface Token {
  readonly token: string;
  /** How long it is good, from the moment of the request. */
  readonly lifeMs: number;
}

/** What the specification has a token live for when nothing is said, and the least that is believed. */
const DEFAULT_LIFE_S = 60;
/** A login that has changed is noticed by then. */
const MOST_LIFE_S = 3_600;

/** `token` and `access_token` are the same; RFC 6750 has the characters. */
const tokenText = z.string().regex(/^[A-Za-z0-9._~+/=-]{1,16384}$/);
const answerSchema = z.object({
  token: tokenText.optional(),
  access_token: tokenText.optional(),
  expires_in: z.number().optional(),
});

/**
 * Fetches a token by the protocol of distribution (`docs/spec/auth/token.md`), or for an identity token by that of
 * `oauth.md`; anonymously without a login. Undefined when the login is refused. Rejects as `Transport.request` does.
 */
export async function fetchToken(
  transport: Transport,
  request: TokenRequest,
  login: Exclude<Credentials, { kind: 'registry' }> | undefined,
  signal: AbortSignal,
): Promise<Token | undefined> {
  const answer = await ask(transport, request, login, signal);
  const { host } = answer.url;
  if ([400, 401, 403].includes(answer.status)) {
    await discard(answer, signal);
    return undefined;
  }
  if (answer.status !== 200) {
    await discard(answer, signal);
    const failed = registryFailed(host, `gave no token (status ${answer.status})`);
    throw answer.status === 429 || answer.status >= 500 ? new TemporaryFailure(failed) : failed;
  }
  const parsed = answerSchema.safeParse(json(await readBody(answer, MOST_TOKEN_BYTES, signal)));
  const token = parsed.data?.token ?? parsed.data?.access_token;
  if (token === undefined)
    throw registryFailed(host, `gave no token that can be read, at ${shownUrl(request.realm)}`);
  const seconds = Math.min(Math.max(parsed.data?.expires_in ?? DEFAULT_LIFE_S, DEFAULT_LIFE_S), MOST_LIFE_S);
  return { token, lifeMs: seconds * 1_000 };
}

async function ask(
  transport: Transport,
  { realm, service, scope }: TokenRequest,
  login: Exclude<Credentials, { kind: 'registry' }> | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const parameters = { ...(service === undefined ? {} : { service }), scope };
  if (login?.kind === 'identity') {
    const form = {
      grant_type: 'refresh_token',
      client_id: 'banger',
      refresh_token: login.token,
      ...parameters,
    };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    // Not followed anywhere: the body is the secret.
    return transport.request(realm, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form).toString(),
      signal,
    });
  }
  const url = new URL(realm);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const { answer } = await getFollowing(transport, url, {
    authorization: login === undefined ? undefined : basic(login),
    signal,
  });
  return answer;
}

/** The header of RFC 7617. */
export function basic({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function json(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}
