import { searchPath } from './search-path.ts';

/** Variables by name, as of `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An environment for execve(2); PATH is always there, with the sbin directories. */
export type ChildEnvironment = Environment & { readonly PATH: string };

/** What every program may know: who it runs as, where its files go, and which language it speaks. */
const KEPT = ['HOME', 'LANG', 'LOGNAME', 'TMPDIR', 'USER', 'XDG_RUNTIME_DIR'];
/** The categories of locale(7), `LC_ALL` among them. */
const LOCALE = /^LC_[A-Z]+$/;
/** The way to the outside; a URL of a proxy may hold a password. Programs differ in the case that they read. */
const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'];

/**
 * What a program gets of our own environment. The daemon keeps the one of whichever shell first needed it, which may hold
 * tokens and keys; a list of what is passed on is the only one that is complete. `online`: it may fetch packages, so that
 * it gets the proxies, too. `extra` comes on top as it is.
 */
export function childEnvironment(
  own: Environment,
  { online, extra = {} }: { readonly online: boolean; readonly extra?: Environment | undefined },
): ChildEnvironment {
  const kept = Object.entries(own).filter(
    ([name]) => KEPT.includes(name) || LOCALE.test(name) || (online && PROXIES.includes(name.toLowerCase())),
  );
  return { ...Object.fromEntries(kept), ...extra, PATH: searchPath(extra['PATH'] ?? own['PATH']) };
}
