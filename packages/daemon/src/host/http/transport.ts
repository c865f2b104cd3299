import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { BangerError } from '@banger/contract/error';
import { cancelled, shownUrl, type HostFailed } from './failure.ts';
import { settingsOfUrl, type Hosts } from './host-settings.ts';
import { MOST_FAILURE_BYTES, MOST_HEADER_BYTES, type HttpLimits } from './limits.ts';
import { networkFailure } from './network-failure.ts';

/** What is sent; undici sends nothing of its own but `Host` and the like, and neither follows nor unpacks anything. */
export interface Request {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** The answer to one request; its body is to be read to its end or discarded. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
  /** For what goes wrong with its body. */
  readonly failed: HostFailed;
}

/** How long the rest of a body that nobody needs is waited for, so that its connection can be used again. */
const DISCARD_MS = 1_000;
/** Connections to one host: several files, and something short besides. */
const CONNECTIONS = 6;

/** What can be done where it is meant to be so. */
export const NO_TLS_HINT =
  'If you trust that host without TLS, name it in the configuration with plain_http = true.';

/** Origins that are remembered to have answered; a server can send to any number. */
const MOST_ORIGINS = 1_000;

/** Single requests over HTTP: TLS unless the user has said otherwise of the host, limits on time and headers. */
export class Transport {
  /** Makes the errors for hosts that fail. */
  readonly failed: HostFailed;
  readonly #hosts: Hosts;
  readonly #limits: HttpLimits;
  /** By the file of their additional authorities. */
  readonly #agents = new Map<string | undefined, Promise<Agent>>();

  /** Origins that have answered. */
  readonly #answered = new Set<string>();

  constructor(hosts: Hosts, limits: HttpLimits, failed: HostFailed) {
    this.failed = failed;
    this.#hosts = hosts;
    this.#limits = limits;
  }

  /** True when an address is of HTTP over TLS, or of a host of which the user has said that it is to be without. */
  mayAsk(url: URL): boolean {
    if (url.username !== '' || url.password !== '') return false;
    return (
      url.protocol === 'https:' || (url.protocol === 'http:' && settingsOfUrl(this.#hosts, url).plainHttp)
    );
  }

  /** Rejects with what `failed` makes, a `TemporaryFailure`, `config_invalid` (`ca_file`) or `cancelled`. */
  async request(url: URL, { method = 'GET', headers = {}, body, signal }: Request): Promise<Answer> {
    if (signal.aborted) throw cancelled();
    if (!this.mayAsk(url))
      throw this.failed(url.host, `is to be asked at ${shownUrl(url)}, which is not safe`, {
        hint: NO_TLS_HINT,
      });
    const agent = await this.#agent(settingsOfUrl(this.#hosts, url).caFile);
    try {
      const answer = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'banger', ...headers },
        body: body ?? null,
        signal,
      });
      this.#remember(url.origin);
      return {
        url,
        status: answer.statusCode,
        headers: answer.headers,
        body: answer.body,
        failed: this.failed,
      };
    } catch (cause) {
      throw signal.aborted
        ? cancelled(cause)
        : networkFailure(url.host, cause, this.failed, this.#answered.has(url.origin));
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map(async (agent) => (await agent).destroy()));
  }

  #remember(origin: string): void {
    if (this.#answered.size === MOST_ORIGINS) this.#answered.clear();
    this.#answered.add(origin);
  }

  #agent(caFile: string | undefined): Promise<Agent> {
    const known = this.#agents.get(caFile);
    if (known !== undefined) return known;
    const made = this.#makeAgent(caFile);
    this.#agents.set(caFile, made);
    // A file that was not there may be there the next time.
    made.catch(() => this.#agents.delete(caFile));
    return made;
  }

  async #makeAgent(caFile: string | undefined): Promise<Agent> {
    const { connectMs, headersMs, readMs } = this.#limits;
    const ca =
      caFile === undefined ? undefined : [...getCACertificates('default'), await authorities(caFile)];
    return new Agent({
      connections: CONNECTIONS,
      connect: { timeout: connectMs, ...(ca === undefined ? {} : { ca }) },
      headersTimeout: headersMs,
      bodyTimeout: readMs,
      maxHeaderSize: MOST_HEADER_BYTES,
    });
  }
}

/** Lets go of a body that nobody needs. */
export async function discard({ body }: Answer, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(DISCARD_MS)]);
  await body.dump({ limit: MOST_FAILURE_BYTES, signal: either }).catch(() => body.destroy());
}

/** Reads a body of at most `most` bytes; undefined, and let go of, when it is longer. */
export async function readBody(
  { url, body, failed }: Answer,
  most: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > most) return undefined;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw signal.aborted ? cancelled(cause) : networkFailure(url.host, cause, failed, true);
  }
  return Buffer.concat(chunks);
}

/** The one value of a header; undefined when it is not there or there several times. */
export function header({ headers }: Answer, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

async function authorities(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new BangerError('config_invalid', `The file of certificates ${file} cannot be read (${code}).`, {
      cause,
      hint: 'Correct ca_file in the configuration.',
      details: { path: file },
    });
  }
}
