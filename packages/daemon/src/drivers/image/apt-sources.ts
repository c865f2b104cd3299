import { isBangerError } from '@banger/contract/error';
import type { Runner } from '../../host/runner.ts';

/** How packages of a suite are fetched on this machine. */
export interface AptSources {
  /** Lines of sources.list(5); empty where the machine has no such suite: mmdebstrap then takes its own default. */
  readonly lines: readonly string[];
  /** Settings of apt.conf(5) that the machine needs to reach or accept these sources. */
  readonly settings: readonly string[];
}

/** Settings of the machine that belong to its sources: a way there, and that a frozen mirror is meant to be old. */
const CARRIED = /^(?:Acquire::https?::Proxy(?:::.+)?|Acquire::Check-(?:Valid-Until|Date)) "[^"]+";$/;

/**
 * The machine's own sources for a Debian suite, its updates and security included, from `apt-get indextargets` and
 * `apt-config dump`. Only what is from Debian over HTTP counts: a path of this machine, a third party's packages or a
 * password in an address do not belong in an image.
 */
export async function hostSources(runner: Runner, suite: string, signal: AbortSignal): Promise<AptSources> {
  const options = { signal, env: { LC_ALL: 'C' } };
  try {
    const targets = await runner.run(['apt-get', 'indextargets'], options);
    const lines = parseIndexTargets(targets.stdout, suite);
    if (lines.length === 0) return { lines, settings: [] };
    const config = await runner.run(['apt-config', 'dump', '--no-empty', '--format', '%F "%v";%n'], options);
    return { lines, settings: config.stdout.split('\n').filter((line) => CARRIED.test(line)) };
  } catch (error) {
    if (isBangerError(error, 'missing_tool')) return { lines: [], settings: [] };
    throw error;
  }
}

/** Lines of sources.list for the suite from what `apt-get indextargets` prints; none without the suite itself. */
export function parseIndexTargets(text: string, suite: string): readonly string[] {
  const suites = [suite, `${suite}-updates`, `${suite}-security`];
  const sources = new Map<string, Set<string>>();
  let hasSuite = false;
  for (const stanza of text.split(/\n\n+/)) {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1];
    const [uri, codename, release, component] = ['Repo-URI', 'Codename', 'Release', 'Component'].map(field);
    const isPackages = field('Created-By') === 'Packages' && field('Origin') === 'Debian';
    if (!isPackages || field('Architecture') !== 'amd64' || field('Trusted') !== 'yes') continue;
    if (uri === undefined || release === undefined || component === undefined) continue;
    if (codename === undefined || !suites.includes(codename)) continue;
    if (!/^https?:\/\/[^@\s[\]]+$/.test(uri) || !/^[\w./-]+$/.test(`${release}${component}`)) continue;
    hasSuite ||= codename === suite;
    const key = `deb ${uri} ${release}`;
    sources.set(key, (sources.get(key) ?? new Set()).add(component));
  }
  return hasSuite ? [...sources].map(([source, components]) => `${source} ${[...components].join(' ')}`) : [];
}
