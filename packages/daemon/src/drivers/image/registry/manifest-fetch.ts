import { BangerError } from '@banger/contract/error';
import { digestOf, algorithmOf, readDigest, type Digest } from '../oci/digest.ts';
import { DocumentError } from '../oci/document.ts';
import { MOST_INDEXES, MOST_MANIFEST_BYTES } from '../oci/image-limits.ts';
import type { Endpoint } from './endpoint.ts';
import { registryFailed, unsupported } from './failure.ts';
import {
  MANIFEST_TYPES,
  readManifestDocument,
  type Descriptor,
  type ManifestDocument,
} from '../oci/manifest-document.ts';
import { choosePlatform, OUR_PLATFORM, platformNames } from '../oci/platform.ts';
import { retrying, type RetryOptions } from './retry.ts';
import { header, readBody } from './transport.ts';

/** The manifest of an image for our platform. */
export interface FetchedManifest {
  /** Of what the reference named: an index, or the manifest itself. */
  readonly named: Digest;
  readonly digest: Digest;
  readonly config: Descriptor;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
}

/**
 * Fetches a manifest by tag or digest, through indexes to the one of our platform; what has a digest is verified. `image` is the
 * reference as people know it. Rejects with `image_not_found`, `image_unsupported` and as `Endpoint.get` does.
 */
export async function fetchManifest(
  endpoint: Endpoint,
  image: string,
  wanted: { readonly tag: string | undefined; readonly digest: Digest | undefined },
  retry: RetryOptions,
): Promise<FetchedManifest> {
  const first = await fetchDocument(endpoint, image, wanted, retry);
  let current = first;
  for (let indexes = 0; current.document.kind === 'index'; indexes++) {
    if (indexes === MOST_INDEXES)
      throw unsupported(image, `has indexes that are nested deeper than ${MOST_INDEXES}`);
    const { manifests } = current.document;
    const entry = choosePlatform(manifests);
    if (entry === undefined)
      throw unsupported(image, `is not there for ${OUR_PLATFORM}, only for: ${platformNames(manifests)}`);
    current = await fetchDocument(
      endpoint,
      image,
      { tag: undefined, digest: entry.digest, bytes: entry.bytes },
      retry,
    );
  }
  const { config, layers } = current.document;
  return { named: first.digest, digest: current.digest, config, layers };
}

async function fetchDocument(
  endpoint: Endpoint,
  image: string,
  { tag, digest, bytes }: { tag: string | undefined; digest: Digest | undefined; bytes?: number },
  retry: RetryOptions,
): Promise<{ digest: Digest; document: ManifestDocument }> {
  const { signal } = retry;
  const missing = (): BangerError =>
    new BangerError('image_not_found', `The registry ${endpoint.host} has no image ${image}.`, {
      hint: 'Check its name and tag.',
      details: { image },
    });
  const path = `manifests/${digest ?? tag}`;
  return retrying(async () => {
    const answer = await endpoint.get({
      path,
      headers: { accept: MANIFEST_TYPES.join(', ') },
      missing,
      signal,
    });
    const body = await readBody(answer, MOST_MANIFEST_BYTES, signal);
    if (body === undefined)
      throw registryFailed(
        endpoint.host,
        `sent a manifest of more than ${MOST_MANIFEST_BYTES / 1024 ** 2} MiB for ${image}`,
      );
    // We asked for none, and unpack none: the digest is of what was sent.
    if ((header(answer, 'content-encoding') ?? 'identity') !== 'identity')
      throw registryFailed(
        endpoint.host,
        `sent a compressed manifest for ${image}, which nobody had asked for`,
      );
    const told = readDigest(header(answer, 'docker-content-digest') ?? '');
    const expected = digest ?? told;
    const found = digestOf(body, { algorithm: expected === undefined ? 'sha256' : algorithmOf(expected) });
    if ((expected !== undefined && found !== expected) || (bytes !== undefined && body.length !== bytes))
      throw registryFailed(
        endpoint.host,
        `sent another manifest for ${image} than the one with the digest ${expected}`,
      );
    return { digest: found, document: understood(endpoint, image, body, header(answer, 'content-type')) };
  }, retry);
}

function understood(
  endpoint: Endpoint,
  image: string,
  body: Buffer,
  type: string | undefined,
): ManifestDocument {
  try {
    return readManifestDocument(body, type);
  } catch (thrown) {
    if (!(thrown instanceof DocumentError)) throw thrown;
    if (thrown.kind === 'unsupported') throw unsupported(image, thrown.message);
    throw registryFailed(endpoint.host, `sent something else than an image: ${image} ${thrown.message}`, {
      cause: thrown,
    });
  }
}
