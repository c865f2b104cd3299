import { isBangerError, toBangerError } from '@banger/contract/error';
import { sideBySide } from '../../../domain/side-by-side.ts';
import type { StageContext } from '../../../domain/stage-progress.ts';
import type { Clock } from '../../../host/clock.ts';
import { TemporaryFailure } from '../../../host/http/failure.ts';
import type { ByteSink } from '../../../host/http/receive-file.ts';
import { within } from '../../../host/http/retry.ts';
import { Transport } from '../../../host/http/transport.ts';
import { Authorizer } from './authorizer.ts';
import type { BlobCache } from './blob-cache.ts';
import { downloadBlob } from './blob-download.ts';
import type { Digest } from '../oci/digest.ts';
import { Endpoint, placesOf } from './endpoint.ts';
import { registryFailed, unsupported } from './failure.ts';
import { readingOf } from '../oci/document.ts';
import { readImageConfig } from '../oci/image-config.ts';
import { MOST_CONFIG_BYTES } from '../oci/image-limits.ts';
import { BLOBS_AT_ONCE, REGISTRY_LIMITS, type RegistryLimits } from './limits.ts';
import type { CredentialSource } from './login.ts';
import type { Descriptor } from '../oci/manifest-document.ts';
import { fetchManifest } from './manifest-fetch.ts';
import { referenceText, type ImageReference } from './reference.ts';
import type { Registries } from './settings.ts';

/** An image of a registry, for linux/amd64; its layers are still there. */
export interface RegistryImage {
  readonly reference: ImageReference;
  /** Of what the reference named: an index, or the manifest itself. */
  readonly named: Digest;
  /** Of the manifest. */
  readonly digest: Digest;
  /** The configuration (OCI image specification, "Image Configuration"), verified: JSON, read by `readImageConfig`. */
  readonly config: Buffer;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
}

/** What a client works with. */
export interface RegistryClientOptions {
  readonly registries: Registries;
  readonly credentials: CredentialSource;
  readonly cache: BlobCache;
  readonly clock: Clock;
  /** The product's own unless told. */
  readonly limits?: RegistryLimits;
}

/** Fetches images from registries; all that it hands out has been verified against its digest. */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #limits: RegistryLimits;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;

  constructor(options: RegistryClientOptions) {
    const { registries, credentials, clock, limits = REGISTRY_LIMITS } = options;
    this.#options = options;
    this.#limits = limits;
    this.#transport = new Transport(registries, limits, registryFailed);
    this.#authorizer = new Authorizer({ transport: this.#transport, credentials, clock });
  }

  /**
   * Manifest and configuration of an image. Rejects with `image_not_found`, `image_unsupported` (other platforms only, schema 1,
   * no image), `image_invalid` (its configuration is none), `registry_auth`, `registry_failed`, `cancelled`.
   */
  async image(reference: ImageReference, context: StageContext): Promise<RegistryImage> {
    const name = referenceText(reference);
    return this.#anywhere(reference, context, async (endpoint) =>
      within(
        this.#limits.documentMs,
        { host: endpoint.host, failed: registryFailed },
        context.signal,
        async (signal) => {
          const retry = this.#retry(signal);
          const { named, digest, config, layers } = await fetchManifest(endpoint, name, reference, retry);
          if (config.bytes > MOST_CONFIG_BYTES)
            throw unsupported(name, `has a configuration of more than ${MOST_CONFIG_BYTES / 1024 ** 2} MiB`);
          const sink = memorySink();
          await downloadBlob(endpoint, config, sink, { ...retry, onBytes: () => undefined });
          const bytes = sink.bytes();
          // An index is believed only as far as the configuration agrees; without an index nothing else tells the platform.
          readingOf(`The image ${name}`, () => readImageConfig(bytes));
          return { reference, named, digest, config: bytes, layers };
        },
      ),
    );
  }

  /**
   * Files of blobs of a repository, in their order, downloaded where they are not in the cache: some at the same time, the first ones
   * first. `work` gets them; they stay for as long as it is at it. Progress is in bytes, over all. Rejects with `registry_auth`,
   * `registry_failed`, `disk_full`, `cancelled`; what was downloaded by then stays in the cache.
   */
  async withBlobs<T>(
    reference: ImageReference,
    blobs: readonly Descriptor[],
    context: StageContext,
    work: (paths: readonly string[]) => Promise<T>,
  ): Promise<T> {
    const { cache } = this.#options;
    return cache.holding(
      blobs.map(({ digest }) => digest),
      async () => work(await this.#fetchAll(reference, blobs, context)),
    );
  }

  /** Ends all connections; what is at work fails. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #fetchAll(
    reference: ImageReference,
    blobs: readonly Descriptor[],
    { signal, onProgress }: StageContext,
  ): Promise<readonly string[]> {
    const paths: string[] = [];
    const come = blobs.map(() => 0);
    // What is in the cache does not come, and would make a lie of the speed.
    const coming = blobs.map(({ bytes }) => bytes);
    const sum = (amounts: readonly number[]): number => amounts.reduce((all, each) => all + each, 0);
    const tell = (index: number, name: string): void => {
      const here = Object.keys(paths).length;
      onProgress({
        ...{ stage: 'Fetching layers', detail: `${here} of ${blobs.length} are here` },
        ...{ done: sum(come), total: sum(coming), unit: 'bytes' },
        part: { name, done: come[index] ?? 0, total: coming[index] ?? 0 },
      });
    };
    const queue = blobs.entries();
    const worker = async (either: AbortSignal): Promise<void> => {
      for (const [index, blob] of queue) {
        paths[index] = await this.#fetchOne(reference, blob, {
          signal: either,
          onProgress: (progress) => {
            if (progress.unit !== 'bytes') return onProgress(progress);
            come[index] = progress.done ?? 0;
            tell(index, blob.digest);
          },
        });
        if (come[index] === 0) coming[index] = 0;
        else come[index] = blob.bytes;
        tell(index, blob.digest);
      }
    };
    await sideBySide(
      signal,
      Array.from({ length: BLOBS_AT_ONCE }, () => worker),
    );
    return paths;
  }

  #fetchOne(reference: ImageReference, blob: Descriptor, context: StageContext): Promise<string> {
    const ms = this.#limits.fileMs + (blob.bytes / this.#limits.leastBytesPerSecond) * 1_000;
    return this.#options.cache.fetch(blob, context, (sink, work) =>
      this.#anywhere(reference, work, (endpoint) =>
        within(ms, { host: endpoint.host, failed: registryFailed }, work.signal, (signal) =>
          downloadBlob(endpoint, blob, sink, {
            ...this.#retry(signal),
            onBytes: (done) =>
              work.onProgress({
                stage: 'Fetching layers',
                detail: blob.digest,
                done,
                total: blob.bytes,
                unit: 'bytes',
              }),
          }),
        ),
      ),
    );
  }

  /** Asks the mirrors of a registry, then itself: what fails at a mirror is told as a warning, and asked of the next. */
  async #anywhere<T>(
    reference: ImageReference,
    { signal, onProgress }: StageContext,
    work: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const [transport, authorizer] = [this.#transport, this.#authorizer];
    const { registries, clock } = this.#options;
    const places = placesOf(reference, registries);
    for (const [index, place] of places.entries()) {
      const endpoint = new Endpoint(place, { transport, authorizer, clock, registries });
      try {
        return await work(endpoint);
      } catch (thrown) {
        const error = thrown instanceof TemporaryFailure ? thrown.error : thrown;
        const next = places[index + 1];
        // A disk that is full for a mirror is full for all.
        if (next === undefined || signal.aborted || !isBangerError(error)) throw error;
        onProgress({ stage: `${toBangerError(error).message} Asking ${next.host}.`, level: 'warning' });
      }
    }
    throw new Error('a registry has one place at least');
  }

  #retry(signal: AbortSignal): { clock: Clock; limits: RegistryLimits; signal: AbortSignal } {
    return { clock: this.#options.clock, limits: this.#limits, signal };
  }
}

function memorySink(): ByteSink & { bytes(): Buffer } {
  const chunks: Buffer[] = [];
  return {
    restart: async () => void chunks.splice(0),
    write: async (bytes) => void chunks.push(bytes),
    bytes: () => Buffer.concat(chunks),
  };
}
