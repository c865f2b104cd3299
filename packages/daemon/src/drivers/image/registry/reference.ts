import { isIPv6 } from 'node:net';
import { BangerError } from '@banger/contract/error';
import { readDigest, type Digest } from '../oci/digest.ts';
import { HUB, HUB_LEGACY, HUB_OFFICIAL } from './docker-hub.ts';

/** Which image of which registry; the parts as they are in the full form of its name. */
export interface ImageReference {
  /** `HOST` or `HOST:PORT`; an IPv6 address stands in brackets. */
  readonly host: string;
  /** As `library/debian`. */
  readonly repository: string;
  /** Undefined when only a digest was given; `latest` when neither was. */
  readonly tag: string | undefined;
  /** Wins over the tag. */
  readonly digest: Digest | undefined;
}

/** Longest reference that is looked at: host, repository, tag and digest at their limits. */
const MOST_CHARACTERS = 1_024;
/** distribution/reference, `RepositoryNameTotalLengthMax`. */
const MOST_REPOSITORY_CHARACTERS = 255;
const MOST_PORT = 65_535;
const DEFAULT_TAG = 'latest';

const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
/** A bare image id, which names no repository. */
const IDENTIFIER = /^[0-9a-f]{64}$/;

/**
 * Reads `[HOST[:PORT]/]NAME[:TAG][@DIGEST]` by the grammar of distribution/reference (`reference.go`) and its rules for
 * short names (`normalize.go`): without a host it is Docker Hub's, and there `debian` is `library/debian`. A first part is
 * a host when it has a dot, a colon or a capital, or is `localhost`. Throws `invalid_argument`.
 */
export function readReference(text: string): ImageReference {
  if (text.length > MOST_CHARACTERS)
    throw refused(`${text.slice(0, 60)}…`, `is longer than ${MOST_CHARACTERS} characters`);
  if (IDENTIFIER.test(text)) throw refused(text, 'is the id of an image, which tells no registry');
  const [withTag, digestText] = splitOnce(text, '@');
  const digest = digestText === undefined ? undefined : readDigest(digestText);
  if (digestText !== undefined && digest === undefined)
    throw refused(
      text,
      'has a digest that is neither sha256: with 64 nor sha512: with 128 lower-case hexadecimal digits',
    );
  const { host, rest } = splitHost(withTag);
  const [path, tag] = splitOnce(rest, ':');
  if (!isRegistryHost(host)) throw refused(text, `has a host, ${host}, that is not allowed`);
  const repository = host === HUB && !path.includes('/') ? `${HUB_OFFICIAL}/${path}` : path;
  checkRepository(text, path, repository);
  if (tag !== undefined && !TAG.test(tag))
    throw refused(
      text,
      'has a tag that is not 1-128 letters, digits, "_", "." and "-", the first neither "." nor "-"',
    );
  return { host, repository, tag: tag ?? (digest === undefined ? DEFAULT_TAG : undefined), digest };
}

/** The full form, which reads as the same. */
export function referenceText({ host, repository, tag, digest }: ImageReference): string {
  return `${host}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** True for `HOST[:PORT]` as it may stand in a reference. */
export function isRegistryHost(text: string): boolean {
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (port !== undefined && (Number(port) === 0 || Number(port) > MOST_PORT)) return false;
  return name.startsWith('[') ? isPlainIPv6(name.slice(1, -1)) : DOMAIN.test(name);
}

/** True for a repository as it may stand in a reference, of which a prefix is one, too. */
export function isRepository(text: string): boolean {
  return text.length <= MOST_REPOSITORY_CHARACTERS && text.split('/').every((part) => COMPONENT.test(part));
}

function checkRepository(text: string, path: string, repository: string): void {
  if (path.toLowerCase() !== path)
    throw refused(text, 'has capitals in its name, which registries do not allow');
  if (!isRepository(repository))
    throw refused(
      text,
      `has a name that is not 1-${MOST_REPOSITORY_CHARACTERS} lower-case letters and digits, joined by "/", ".", "_", "__" or "-"`,
    );
}

function splitHost(text: string): { host: string; rest: string } {
  const [first, rest] = splitOnce(text, '/');
  const isHost =
    rest !== undefined && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  if (!isHost) return { host: HUB, rest: text };
  return { host: first === HUB_LEGACY ? HUB : first, rest };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Neither a zone nor the dotted form, as the grammar has it. */
function isPlainIPv6(text: string): boolean {
  return /^[0-9a-fA-F:]+$/.test(text) && isIPv6(text);
}

function refused(text: string, what: string): BangerError {
  return new BangerError('invalid_argument', `The image reference ${JSON.stringify(text)} ${what}.`, {
    hint: 'Write it as [HOST[:PORT]/]NAME[:TAG][@DIGEST], as debian:12 or localhost:5000/team/app:1.',
    details: { reference: text },
  });
}
