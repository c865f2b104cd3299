import { BangerError } from '@banger/contract/error';
import type { FailureOptions } from '../../../host/http/failure.ts';

/** `registry_failed`: the host and what it did, as the rest of a sentence. */
export function registryFailed(host: string, what: string, options: FailureOptions = {}): BangerError {
  return new BangerError('registry_failed', `The registry ${host} ${what}.`, {
    ...options,
    details: { registry: host },
  });
}

/** `image_unsupported`: the image, and why we cannot run it. */
export function unsupported(image: string, why: string): BangerError {
  return new BangerError('image_unsupported', `The image ${image} ${why}.`, { details: { image } });
}
