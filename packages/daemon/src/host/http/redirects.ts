import { shownUrl } from './failure.ts';
import { MOST_REDIRECTS } from './limits.ts';
import { discard, header, NO_TLS_HINT, type Answer, type Transport } from './transport.ts';

/** Statuses that send elsewhere with the same method, as far as a GET is concerned (RFC 9110, 15.4). */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A GET that may be sent elsewhere. */
export interface FollowedRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** For the origin (scheme, host and port) of the first address alone: once left, it is never sent again. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

/** Where a GET has ended. */
export interface Followed {
  readonly answer: Answer;
  /** True when it was sent to another origin, or came back from one. */
  readonly left: boolean;
}

/**
 * GETs an address, and where that sends to, up to a number of times. Neither a login nor a token leaves its origin; nobody
 * is sent from TLS to a host without it, unless the user has said that this host is to be without. Rejects as
 * `Transport.request` does.
 */
export async function getFollowing(
  transport: Transport,
  first: URL,
  request: FollowedRequest,
): Promise<Followed> {
  const { headers = {}, signal } = request;
  let left = false;
  let url = first;
  for (let redirects = 0; ; redirects++) {
    const answer = await transport.request(url, {
      headers: {
        ...headers,
        ...(left || request.authorization === undefined ? {} : { authorization: request.authorization }),
      },
      signal,
    });
    if (!REDIRECTS.has(answer.status)) return { answer, left };
    await discard(answer, signal);
    if (redirects === MOST_REDIRECTS)
      throw transport.failed(first.host, `sends elsewhere more than ${MOST_REDIRECTS} times`);
    url = target(answer);
    if (!transport.mayAsk(url))
      throw transport.failed(first.host, `sends to ${shownUrl(url)}, which is not safe`, {
        hint: NO_TLS_HINT,
      });
    left ||= url.origin !== first.origin;
  }
}

function target(answer: Answer): URL {
  const location = header(answer, 'location');
  const url = location === undefined ? null : URL.parse(location, answer.url.href);
  if (url === null)
    throw answer.failed(answer.url.host, `sends elsewhere (${answer.status}) and does not say where`);
  return url;
}
