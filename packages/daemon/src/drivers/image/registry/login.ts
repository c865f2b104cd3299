/** How to log in. Nothing of it may be shown or logged. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** To be exchanged for tokens (OAuth 2.0 refresh token). */
  | { readonly kind: 'identity'; readonly token: string }
  /** A token that the registry takes as it is. */
  | { readonly kind: 'registry'; readonly token: string };

/** What was found, and every place that was looked at, with what was there, for people. */
export interface CredentialSearch {
  readonly found: Credentials | undefined;
  /** The place that has them; undefined when there are none. */
  readonly from: string | undefined;
  readonly looked: readonly string[];
}

/** Finds logins for a registry. */
export interface CredentialSource {
  /** Never rejects but with `cancelled`: what cannot be read is told in `looked`. */
  find(host: string, repository: string, signal: AbortSignal): Promise<CredentialSearch>;
}
