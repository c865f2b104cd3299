import { DigestCheck } from '../oci/digest.ts';
import type { Endpoint } from './endpoint.ts';
import { cancelled, registryFailed, TemporaryFailure } from './failure.ts';
import type { Descriptor } from '../oci/manifest-document.ts';
import { networkFailure } from './network-failure.ts';
import { retrying, type RetryOptions } from './retry.ts';
import { discard, header, type Answer } from './transport.ts';

/** Takes the bytes of a blob in their order. */
export interface BlobSink {
  /** Forgets what it was given; called once before the first bytes. */
  restart(): Promise<void>;
  write(bytes: Buffer): Promise<void>;
}

/**
 * Downloads a blob from one registry into a sink, and verifies its length and digest: what resolves is right. A broken
 * connection is taken up where it broke. `onBytes` is told how many bytes have come so far. Rejects as `Endpoint.get` does, and
 * with what the sink throws.
 */
export async function downloadBlob(
  endpoint: Endpoint,
  blob: Descriptor,
  sink: BlobSink,
  { onBytes, ...retry }: Omit<RetryOptions, 'bytes'> & { readonly onBytes: (bytes: number) => void },
): Promise<void> {
  const { signal } = retry;
  const check = new DigestCheck(blob.digest);
  let have = 0;
  await sink.restart();
  onBytes(0);

  const receive = async (): Promise<void> => {
    if (have === blob.bytes) return;
    const answer = await endpoint.get({
      path: `blobs/${blob.digest}`,
      headers: have === 0 ? {} : { range: `bytes=${have}-` },
      missing: () =>
        registryFailed(endpoint.host, `does not have the blob ${blob.digest} that its manifest names`),
      signal,
    });
    let skip = await unwanted(endpoint, answer, blob, have, signal);
    for await (const chunk of bodyOf(answer, signal)) {
      const bytes = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - bytes.length;
      // Not one byte more than was told is taken, whatever comes.
      if (have + bytes.length > blob.bytes) throw wrongLength(endpoint, blob);
      check.update(bytes);
      await sink.write(bytes);
      have += bytes.length;
      onBytes(have);
    }
    if (have < blob.bytes)
      throw new TemporaryFailure(
        registryFailed(endpoint.host, `ended the blob ${blob.digest} after ${have} of ${blob.bytes} bytes`),
      );
  };

  await retrying(receive, { ...retry, bytes: () => have });
  if (!check.matches())
    throw registryFailed(endpoint.host, `sent something else than the blob ${blob.digest}`);
}

/** How many bytes of an answer we have already; throws when it is not an answer to what was asked. */
async function unwanted(
  endpoint: Endpoint,
  answer: Answer,
  blob: Descriptor,
  have: number,
  signal: AbortSignal,
): Promise<number> {
  // A server may ignore a range (RFC 9110, 14.2).
  const from = answer.status === 206 ? have : 0;
  const length = header(answer, 'content-length');
  if (length !== undefined && Number(length) !== blob.bytes - from) {
    await discard(answer, signal);
    throw wrongLength(endpoint, blob);
  }
  const range = `bytes ${from}-${blob.bytes - 1}/${blob.bytes}`;
  if (answer.status === 206 && header(answer, 'content-range')?.toLowerCase() !== range) {
    await discard(answer, signal);
    throw registryFailed(endpoint.host, `sent another part of the blob ${blob.digest} than was asked for`);
  }
  return have - from;
}

/** The pieces of a body as they come: never unpacked, whatever `Content-Encoding` says, as the digest is of what was sent. */
async function* bodyOf({ url, body }: Answer, signal: AbortSignal): AsyncGenerator<Buffer> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await pieces.next().catch((cause: unknown) => {
        throw signal.aborted ? cancelled(cause) : networkFailure(url.host, cause, true);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await pieces.return?.();
  }
}

function wrongLength(endpoint: Endpoint, { digest, bytes }: Descriptor): Error {
  return registryFailed(
    endpoint.host,
    `sent the blob ${digest} with another length than the ${bytes} bytes of its manifest`,
  );
}
