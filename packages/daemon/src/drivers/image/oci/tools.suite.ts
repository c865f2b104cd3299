import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Where skopeo and buildah keep what they remember of blobs, for tests that work in a directory. */
export function toolPlace(directory: string): string {
  return join(directory, 'tools');
}

/**
 * As root skopeo would keep that in /var/lib/containers, which no option moves: only where it is told that it works for another user does it go by
 * XDG_DATA_HOME (containers/image, pkg/blobinfocache/default.go).
 */
function environment(directory: string): NodeJS.ProcessEnv {
  const place = toolPlace(directory);
  return { ...process.env, HOME: place, XDG_DATA_HOME: place, _CONTAINERS_ROOTLESS_UID: '1' };
}

/** Runs skopeo to its end, with what it keeps below a directory; gives its stdout. */
export function skopeo(directory: string, argv: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...argv], {
    encoding: 'utf8',
    env: environment(directory),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
