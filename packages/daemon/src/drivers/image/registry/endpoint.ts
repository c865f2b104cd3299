import type { BangerError } from '@banger/contract/error';
import { z } from 'zod';
import type { Clock } from '../../../host/clock.ts';
import type { TemporaryFailure } from '../../../host/http/failure.ts';
import { MOST_FAILURE_BYTES } from '../../../host/http/limits.ts';
import { getFollowing } from '../../../host/http/redirects.ts';
import { statusFailure } from '../../../host/http/retry.ts';
import { discard, readBody, type Answer, type Transport } from '../../../host/http/transport.ts';
import type { Authorizer, Subject } from './authorizer.ts';
import { apiHost } from './docker-hub.ts';
import { registryFailed } from './failure.ts';
import { settingsOfHost, type Registries } from './settings.ts';

/** A repository at one registry: the one of the reference, or a mirror of it. */
export interface Place {
  /** As in a reference. */
  readonly host: string;
  readonly repository: string;
}

/** The places that have a repository, in the order in which they are asked: mirrors, then the registry itself. */
export function placesOf({ host, repository }: Place, registries: Registries): readonly Place[] {
  const mirrors = settingsOfHost(registries, host).mirrors.map((mirror) => ({
    host: mirror.host,
    repository: mirror.prefix === '' ? repository : `${mirror.prefix}/${repository}`,
  }));
  return [...mirrors, { host, repository }];
}

/** What is fetched of a place. */
export interface Wish {
  /** Below the repository, as `manifests/latest`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The error for what is not there. */
  readonly missing: () => BangerError;
  readonly signal: AbortSignal;
}

/** The codes of a failure (OCI distribution specification, "Error Codes"): all that is shown of its text, which may say anything. */
const failureSchema = z.object({
  errors: z.array(z.object({ code: z.string().regex(/^[A-Z_]{1,40}$/) })).min(1),
});

/** A repository at one registry, over its API (OCI distribution specification 1.1, "Pull"), with logins. */
export class Endpoint {
  readonly host: string;
  readonly #subject: Subject;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #clock: Clock;

  constructor(
    { host, repository }: Place,
    options: { transport: Transport; authorizer: Authorizer; clock: Clock; registries: Registries },
  ) {
    this.host = host;
    const { plainHttp } = settingsOfHost(options.registries, host);
    const origin = `${plainHttp ? 'http' : 'https'}://${apiHost(host)}`;
    this.#subject = { host, origin, repository };
    this.#transport = options.transport;
    this.#authorizer = options.authorizer;
    this.#clock = options.clock;
  }

  /** The answer, 200 or 206; its body is the caller's. Rejects with `registry_auth`, `registry_failed`, a `TemporaryFailure`, `cancelled`. */
  async get({ path, headers, missing, signal }: Wish): Promise<Answer> {
    const url = new URL(`${this.#subject.origin}/v2/${this.#subject.repository}/${path}`);
    let authorization = this.#authorizer.known(this.#subject);
    for (let asked = 0; ; asked++) {
      const { answer, left } = await getFollowing(this.#transport, url, { headers, authorization, signal });
      if (answer.status === 200 || answer.status === 206) return answer;
      if (answer.status === 401 && !left && asked === 0) {
        await discard(answer, signal);
        authorization = await this.#authorizer.answer(answer, this.#subject, authorization, signal);
        continue;
      }
      throw await this.#failure(answer, left, missing, signal);
    }
  }

  async #failure(
    answer: Answer,
    left: boolean,
    missing: () => BangerError,
    signal: AbortSignal,
  ): Promise<BangerError | TemporaryFailure> {
    const { status } = answer;
    if (status === 404) {
      await discard(answer, signal);
      return missing();
    }
    if (!left && (status === 401 || status === 403)) {
      await discard(answer, signal);
      return this.#authorizer.refusal(this.#subject, status, signal);
    }
    const code = await failureCode(answer, signal);
    const who = left ? `sent to ${answer.url.host}, which ` : '';
    const failed = registryFailed(this.host, `${who}answered with status ${status}${code}`);
    return statusFailure(answer, failed, this.#clock.now());
  }
}

async function failureCode(answer: Answer, signal: AbortSignal): Promise<string> {
  const body = await readBody(answer, MOST_FAILURE_BYTES, signal);
  try {
    const { errors } = failureSchema.parse(JSON.parse(body?.toString('utf8') ?? ''));
    return ` (${errors[0]?.code})`;
  } catch {
    return '';
  }
}
