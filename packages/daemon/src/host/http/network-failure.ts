import { BangerError } from '@banger/contract/error';
import { TemporaryFailure, type HostFailed } from './failure.ts';

/** By error code of Node and undici: what happened, as the rest of a sentence, where it may be over in a moment. */
const TEMPORARY: Readonly<Record<string, string>> = {
  ECONNRESET: 'broke the connection off',
  EPIPE: 'broke the connection off',
  ETIMEDOUT: 'did not answer in time',
  EAI_AGAIN: 'could not be looked up by name',
  UND_ERR_SOCKET: 'broke the connection off',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'sent another number of bytes than it had told',
  UND_ERR_CONNECT_TIMEOUT: 'did not answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'stopped sending',
};

const LASTING: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'accepts no connection',
  ENOTFOUND: 'has a name that is not known',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  UND_ERR_HEADERS_OVERFLOW: 'sent longer headers than any server needs',
};

/** What a server that speaks no TLS makes of OpenSSL. */
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO']);
/** Codes of certificates that are not trusted (Node, "TLS: X509 certificate error codes"). */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|CHAIN|ALTNAME/;

/**
 * What a request or the reading of a body failed with, as a failure of that host. One that has `answered` before and accepts no
 * connection now is being started anew; another is not there.
 */
export function networkFailure(
  host: string,
  cause: unknown,
  failed: HostFailed,
  answered: boolean,
): BangerError | TemporaryFailure {
  if (cause instanceof BangerError || cause instanceof TemporaryFailure) return cause;
  const code = codeOf(cause);
  const temporary = TEMPORARY[code];
  if (temporary !== undefined) return new TemporaryFailure(failed(host, `${temporary} (${code})`, { cause }));
  const lasting = LASTING[code];
  if (lasting !== undefined) {
    const error = failed(host, `${lasting} (${code})`, { cause });
    return answered && code === 'ECONNREFUSED' ? new TemporaryFailure(error) : error;
  }
  if (NO_TLS.has(code))
    return failed(host, `does not speak TLS (${code})`, {
      cause,
      hint: `If it is meant to be without, say so in the configuration: plain_http = true in [registries."${host}"].`,
    });
  if (CERTIFICATE.test(code))
    return failed(host, `has a certificate that is not trusted (${code})`, {
      cause,
      hint: `Name its authority in the configuration: ca_file = "/…/ca.pem" in [registries."${host}"].`,
    });
  return failed(host, `sent what is no answer (${code})`, { cause });
}

function codeOf(cause: unknown): string {
  const { code } = cause as { readonly code?: unknown };
  return typeof code === 'string' ? code : 'unknown reason';
}
