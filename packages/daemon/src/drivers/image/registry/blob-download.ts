import type { BangerError } from '@banger/contract/error';
import { receiveFile, type ByteSink } from '../../../host/http/receive-file.ts';
import type { RetryOptions } from '../../../host/http/retry.ts';
import { DigestCheck } from '../oci/digest.ts';
import type { Endpoint } from './endpoint.ts';
import { registryFailed } from './failure.ts';
import type { Descriptor } from '../oci/manifest-document.ts';

/**
 * Downloads a blob from one registry into a sink, and verifies its length and digest: what resolves is right. A broken
 * connection is taken up where it broke. `onBytes` is told how many bytes have come so far. Rejects as `Endpoint.get` does, and
 * with what the sink throws.
 */
export async function downloadBlob(
  endpoint: Endpoint,
  { digest, bytes }: Descriptor,
  sink: ByteSink,
  options: Omit<RetryOptions, 'bytes'> & { readonly onBytes: (bytes: number) => void },
): Promise<void> {
  const what = `the blob ${digest}`;
  const missing = (): BangerError =>
    registryFailed(endpoint.host, `does not have ${what} that its manifest names`);
  await receiveFile(
    {
      host: endpoint.host,
      what,
      bytes,
      mostBytes: bytes,
      check: new DigestCheck(digest),
      failed: registryFailed,
      ask: (headers, signal) => endpoint.get({ path: `blobs/${digest}`, headers, missing, signal }),
    },
    sink,
    options,
  );
}
