import type { BangerError } from '@banger/contract/error';
import type { Runner } from '../../../host/runner.ts';
import { credentialFiles, readCredentialFile, type CredentialFile } from './credential-file.ts';
import { askHelper } from './credential-helper.ts';
import { HUB, HUB_CREDENTIALS_KEY, HUB_LEGACY, apiHost } from './docker-hub.ts';
import type { Credentials, CredentialSearch, CredentialSource } from './login.ts';

/**
 * The logins of Docker and Podman: their files, read anew at each search as people log in while the daemon runs, and the
 * credential helpers that these name. A helper is asked before what stands in its file, as Docker does.
 */
export class ConfiguredCredentials implements CredentialSource {
  readonly #runner: Runner;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #home: string;

  /** `environment`: of the daemon; it tells where the files are. `home`: absolute path of the user's home. */
  constructor(options: {
    readonly runner: Runner;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly home: string;
  }) {
    this.#runner = options.runner;
    this.#environment = options.environment;
    this.#home = options.home;
  }

  async find(host: string, repository: string, signal: AbortSignal): Promise<CredentialSearch> {
    const looked: string[] = [];
    for (const path of credentialFiles(this.#environment, this.#home)) {
      const file = await readCredentialFile(path);
      if (typeof file === 'string') {
        looked.push(`${path} (${file})`);
        continue;
      }
      const helper = helperFor(file, host);
      if (helper !== undefined) {
        const place = `docker-credential-${helper}, which ${path} names`;
        const answer = await this.#ask(helper, host, signal);
        if (typeof answer !== 'string') return { found: answer, from: place, looked };
        looked.push(`${place} (${answer})`);
      }
      const found = keysFor(host, repository, Object.keys(file.logins)).map((key) => file.logins[key]);
      const login = found.find((each) => each !== undefined);
      if (login !== undefined) return { found: login, from: path, looked };
      looked.push(`${path} (nothing for ${host})`);
    }
    return { found: undefined, from: undefined, looked };
  }

  async #ask(helper: string, host: string, signal: AbortSignal): Promise<Credentials | string> {
    try {
      const server = host === HUB ? HUB_CREDENTIALS_KEY : host;
      return await askHelper(this.#runner, helper, server, this.#environment, signal);
    } catch (thrown) {
      const { code } = thrown as BangerError;
      if (code === 'cancelled') throw thrown;
      return code === 'missing_tool' ? 'not installed' : 'failed';
    }
  }
}

function helperFor({ helpers, store }: CredentialFile, host: string): string | undefined {
  const keys = host === HUB ? [HUB, HUB_LEGACY, HUB_CREDENTIALS_KEY] : [host];
  return keys.filter((key) => Object.hasOwn(helpers, key)).map((key) => helpers[key])[0] ?? store;
}

/**
 * The keys of a file that are of a repository, the most precise first: Podman has logins for `HOST/NAMESPACE`, Docker wrote
 * addresses with scheme and version.
 */
function keysFor(host: string, repository: string, keys: readonly string[]): readonly string[] {
  const parts = repository.split('/');
  const precise = parts.map((_, index) => [host, ...parts.slice(0, parts.length - index)].join('/'));
  const hosts = host === HUB ? [HUB, HUB_LEGACY, apiHost(HUB)] : [host];
  const addresses = keys.filter((key) => {
    const [, name = ''] = /^https?:\/\/([^/]+)(?:\/v\d+)?\/?$/.exec(key) ?? [];
    return hosts.includes(name);
  });
  return [...precise, ...hosts, ...addresses].filter((key) => keys.includes(key));
}
