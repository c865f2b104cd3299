import { BangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import { shownUrl } from '../../../host/http/failure.ts';
import type { Answer, Transport } from '../../../host/http/transport.ts';
import { readChallenges, type Challenge } from './challenge.ts';
import { registryFailed } from './failure.ts';
import type { CredentialSearch, CredentialSource } from './login.ts';
import { basic, fetchToken, type TokenRequest } from './token.ts';

/** Who asks for what: the authorization of one is never sent for another. */
export interface Subject {
  /** The registry's own, by which logins are found. */
  readonly host: string;
  /** Scheme, host and port that are spoken to. */
  readonly origin: string;
  readonly repository: string;
}

interface Known {
  readonly authorization: string;
  /** By `Clock.monotonic`. */
  readonly until: number;
}

/** A token is not used any more when it has so little left: a request takes time to arrive. */
const MARGIN_MS = 10_000;
/** A login by password is looked up anew after a while, as it may have changed. */
const BASIC_LIFE_MS = 600_000;
/** Repositories that one daemon pulls from in the life of a token; beyond it the oldest are asked for anew. */
const MOST_KNOWN = 256;

/** Answers the challenges of registries: by Bearer token, anonymous where that is enough, or by Basic login. */
export class Authorizer {
  readonly #transport: Transport;
  readonly #credentials: CredentialSource;
  readonly #clock: Clock;
  /**
   * By the origin that asked, realm, service and scope. The origin is part of it because any registry can name the realm of
   * another: it would be sent the token that the other was given.
   */
  readonly #tokens = new Map<string, Known>();
  /** The last authorization that a subject needed, sent before it is asked for. */
  readonly #last = new Map<string, Known>();

  constructor(options: { transport: Transport; credentials: CredentialSource; clock: Clock }) {
    this.#transport = options.transport;
    this.#credentials = options.credentials;
    this.#clock = options.clock;
  }

  /** What was accepted before and still holds. */
  known({ origin, repository }: Subject): string | undefined {
    return this.#current(this.#last, JSON.stringify([origin, repository]));
  }

  /**
   * The authorization for an answer 401. `refused`: the one with which it was asked. Rejects with `registry_auth`, which tells
   * where a login was looked for and shows nothing of one, and as `Transport.request` does.
   */
  async answer(
    answer: Answer,
    subject: Subject,
    refused: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const challenges = readChallenges(answer.headers['www-authenticate']);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const known =
      bearer === undefined
        ? await this.#basic(challenges, subject, signal)
        : await this.#bearer(bearer, subject, refused, signal);
    this.#keep(this.#last, JSON.stringify([subject.origin, subject.repository]), known);
    return known.authorization;
  }

  /** The error for a registry that has refused what it was answered. */
  async refusal(subject: Subject, status: number, signal: AbortSignal): Promise<BangerError> {
    this.#last.delete(JSON.stringify([subject.origin, subject.repository]));
    return refusal(subject, await this.#find(subject, signal), status);
  }

  async #basic(challenges: readonly Challenge[], subject: Subject, signal: AbortSignal): Promise<Known> {
    if (!challenges.some(({ scheme }) => scheme === 'basic'))
      throw registryFailed(subject.host, 'asks for a login of a kind that we do not know');
    const search = await this.#find(subject, signal);
    if (search.found?.kind !== 'password') throw refusal(subject, search, 401);
    return { authorization: basic(search.found), until: this.#clock.monotonic() + BASIC_LIFE_MS };
  }

  async #bearer(
    challenge: Challenge,
    subject: Subject,
    refused: string | undefined,
    signal: AbortSignal,
  ): Promise<Known> {
    const request = this.#tokenRequest(challenge, subject);
    const key = JSON.stringify([subject.origin, request.realm.href, request.service, request.scope]);
    const before = this.#tokens.get(key);
    if (
      before !== undefined &&
      before.authorization !== refused &&
      this.#current(this.#tokens, key) !== undefined
    )
      return before;
    const search = await this.#find(subject, signal);
    const asked = this.#clock.monotonic();
    const { found } = search;
    if (found?.kind === 'registry')
      return { authorization: `Bearer ${found.token}`, until: asked + BASIC_LIFE_MS };
    const token = await fetchToken(this.#transport, request, found, signal);
    if (token === undefined) throw refusal(subject, search, 401);
    const known = { authorization: `Bearer ${token.token}`, until: asked + token.lifeMs - MARGIN_MS };
    this.#keep(this.#tokens, key, known);
    return known;
  }

  #tokenRequest({ parameters }: Challenge, { host, repository }: Subject): TokenRequest {
    const realm = URL.parse(parameters.get('realm') ?? '');
    if (realm === null) throw registryFailed(host, 'asks for a token and does not say from where');
    if (!this.#transport.mayAsk(realm))
      throw registryFailed(host, `asks for a token from ${shownUrl(realm)}, to which no login may be sent`, {
        hint: 'Tokens are fetched over TLS, unless the configuration has plain_http = true for that host.',
      });
    // What a registry asks for beyond the reading of something it would get for itself.
    const asked = parameters.get('scope');
    const scope =
      asked !== undefined && /^repository:[^\s,]{1,512}:pull$/.test(asked)
        ? asked
        : `repository:${repository}:pull`;
    return { realm, service: parameters.get('service'), scope };
  }

  #find({ host, repository }: Subject, signal: AbortSignal): Promise<CredentialSearch> {
    return this.#credentials.find(host, repository, signal);
  }

  #current(from: ReadonlyMap<string, Known>, key: string): string | undefined {
    const known = from.get(key);
    return known !== undefined && known.until > this.#clock.monotonic() ? known.authorization : undefined;
  }

  #keep(into: Map<string, Known>, key: string, known: Known): void {
    into.delete(key);
    into.set(key, known);
    const [oldest] = into.keys();
    if (into.size > MOST_KNOWN && oldest !== undefined) into.delete(oldest);
  }
}

function refusal(
  { host, repository }: Subject,
  { from, looked }: CredentialSearch,
  status: number,
): BangerError {
  const details = { registry: host, repository, looked, from: from ?? null };
  const login = `Log in with \`docker login ${host}\` or \`podman login ${host}\`, then run the command again.`;
  if (from !== undefined)
    return new BangerError(
      'registry_auth',
      `The registry ${host} refused the login from ${from} for ${repository} (status ${status}).`,
      { hint: `${login} Perhaps that login may not read this image, or there is no such image.`, details },
    );
  const places = looked.length === 0 ? '' : ` Looked in: ${looked.join('; ')}.`;
  return new BangerError(
    'registry_auth',
    `The registry ${host} wants a login for ${repository}, and there is none (status ${status}).${places}`,
    { hint: `${login} Many registries say the same of an image that does not exist.`, details },
  );
}
