import { isAddress, MOST_ADDRESS_CHARACTERS } from '../../../host/http/download.ts';

/** What a bundle may have whose length nobody tells: some times the largest image, packed. */
export const MOST_BUNDLE_BYTES = 64 * 1024 ** 3;

/** A bundle that is somewhere else: its address and what it must be. */
export interface RemoteBundle {
  readonly url: string;
  readonly sha256: string;
}

const REMOTE = /^((?:https?|file):\/\/.*)@sha256:([0-9a-f]{64})$/s;

/** True for an address that a bundle can be fetched from. With a query it would not be shown as it is, and so not found again. */
export function isBundleAddress(text: string): boolean {
  return text.length <= MOST_ADDRESS_CHARACTERS && isAddress(text) && !/[?#@]/.test(text);
}

/** Reads `URL@sha256:HEX`; undefined when it is none. */
export function readRemoteBundle(text: string): RemoteBundle | undefined {
  const [, url = '', sha256 = ''] = REMOTE.exec(text) ?? [];
  return isBundleAddress(url) ? { url, sha256 } : undefined;
}

/** The text that reads as the same. */
export function remoteBundleText({ url, sha256 }: RemoteBundle): string {
  return `${url}@sha256:${sha256}`;
}
