import type { IndexEntry } from './manifest-document.ts';

/** What a VM of ours is, by the names of Go, which images use. */
const OS = 'linux';
const ARCHITECTURE = 'amd64';
/** Microarchitecture levels, the ones that every processor has first. */
const VARIANTS = ['', 'v1', 'v2', 'v3'];

/**
 * The manifest of an index that a VM runs: of its platform, the least demanding variant, the first of several. One that does not tell
 * its platform is taken when there is no other.
 */
export function choosePlatform(manifests: readonly IndexEntry[]): IndexEntry | undefined {
  for (const variant of VARIANTS) {
    const found = manifests.find(({ platform }) => isOurs(platform) && platform?.variant === variant);
    if (found !== undefined) return found;
  }
  const [only, ...others] = manifests;
  return only !== undefined && only.platform === undefined && others.length === 0 ? only : undefined;
}

/** The platforms of an index, for people. */
export function platformNames(manifests: readonly IndexEntry[]): string {
  const names = manifests.map(({ platform }) =>
    platform === undefined
      ? 'unknown'
      : [platform.os, platform.architecture, ...(platform.variant === '' ? [] : [platform.variant])].join(
          '/',
        ),
  );
  const shown = [...new Set(names)].filter(
    (name) => /^[a-z0-9/._-]{1,64}$/i.test(name) && !name.startsWith('unknown'),
  );
  return shown.length === 0 ? 'none that is told' : shown.slice(0, 20).join(', ');
}

/** True for what runs in a VM; also said by a configuration. */
export function isOurs(
  platform: { readonly os: string; readonly architecture: string } | undefined,
): boolean {
  return platform?.os === OS && platform.architecture === ARCHITECTURE;
}

/** Its name, for people. */
export const OUR_PLATFORM = `${OS}/${ARCHITECTURE}`;
