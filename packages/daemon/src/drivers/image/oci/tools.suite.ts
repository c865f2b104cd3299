import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * An environment in which skopeo and buildah keep what they remember of blobs, and all else that they keep, below a directory. As root they would do
 * that in /var/lib/containers, which no option moves: only where they are told that they work for another user do they go by XDG_DATA_HOME
 * (containers/image, pkg/blobinfocache/default.go).
 */
export function toolEnvironment(directory: string): NodeJS.ProcessEnv {
  const home = join(directory, 'tools');
  return { ...process.env, HOME: home, XDG_DATA_HOME: home, _CONTAINERS_ROOTLESS_UID: '1' };
}

/** Runs skopeo to its end, with what it keeps below a directory; gives its stdout. */
export function skopeo(directory: string, argv: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...argv], {
    encoding: 'utf8',
    env: toolEnvironment(directory),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
