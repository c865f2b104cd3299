/**
 * What is special about Docker Hub, by convention of all clients (distribution/reference, `normalize.go`; Docker's
 * `registry` package): its short names, and that neither its API nor its key in a credentials file has the name that
 * references have.
 */
const DOMAIN = 'docker.io';

/** The host that a reference without one is of. */
export const HUB = DOMAIN;
/** Another name for it in references, from before there was the first. */
export const HUB_LEGACY = `index.${DOMAIN}`;
/** The namespace of the images that have a name of one part. */
export const HUB_OFFICIAL = 'library';
/** Its key in credentials files, and what a credential helper is asked for. */
export const HUB_CREDENTIALS_KEY = `https://${HUB_LEGACY}/v1/`;

/** The host that answers the API for the host of a reference. */
export function apiHost(host: string): string {
  return host === HUB ? `registry-1.${DOMAIN}` : host;
}
