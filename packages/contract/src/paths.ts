import { BangerError } from './error.ts';

/** Where everything lives; the same answer for every program of ours, from the environment alone. */
export interface BangerPaths {
  /** What the user writes. */
  readonly config: string;
  /** Database, VMs, images and kernels: what must survive. */
  readonly state: string;
  /** What can be thrown away at any time. */
  readonly cache: string;
  /** Sockets; emptied by a reboot. */
  readonly run: string;
  /** `config.toml`, read by the daemon at its start; nothing of ours writes it. */
  readonly configFile: string;
  /** The daemon's socket. */
  readonly socket: string;
  /** The daemon's log, JSON lines. */
  readonly log: string;
}

/** What the paths depend on. */
export interface PathsInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number;
}

/**
 * Resolves the paths: all below `BANGER_HOME` when that is set, else the XDG base directories
 * (XDG Base Directory Specification 0.8), with `temporaryRuntime` where no `XDG_RUNTIME_DIR` is given. Throws
 * `path_unsafe` for a `BANGER_HOME` that is no absolute path: who sets it wants to be kept apart from the VMs of elsewhere.
 */
export function resolvePaths({ env, home, uid }: PathsInput): BangerPaths {
  const wished = env['BANGER_HOME'] ?? '';
  const own = absolute(wished);
  if (wished !== '' && own === undefined)
    throw new BangerError('path_unsafe', `BANGER_HOME is "${wished}", which is no absolute path.`, {
      hint: `Set it to the whole path: export BANGER_HOME="$PWD/${wished}"`,
      details: { path: wished },
    });
  if (own !== undefined) {
    return withFiles({
      config: `${own}/config`,
      state: `${own}/state`,
      cache: `${own}/cache`,
      run: `${own}/run`,
    });
  }
  const xdg = (name: string, fallback: string): string =>
    `${absolute(env[name]) ?? `${home}/${fallback}`}/banger`;
  const runtime = absolute(env['XDG_RUNTIME_DIR']);
  return withFiles({
    config: xdg('XDG_CONFIG_HOME', '.config'),
    state: xdg('XDG_STATE_HOME', '.local/state'),
    cache: xdg('XDG_CACHE_HOME', '.cache'),
    run: runtime === undefined ? temporaryRuntime(uid) : `${runtime}/banger`,
  });
}

/** A user's own directory for what a reboot may take, whatever the environment; short, whatever the home. */
export function temporaryRuntime(uid: number): string {
  return `/tmp/banger-runtime-${uid}`;
}

/** The XDG specification says that relative paths are to be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && path.startsWith('/') ? path.replace(/\/+$/, '') : undefined;
}

function withFiles(roots: Pick<BangerPaths, 'config' | 'state' | 'cache' | 'run'>): BangerPaths {
  return {
    ...roots,
    configFile: `${roots.config}/config.toml`,
    socket: `${roots.run}/bangerd.sock`,
    log: `${roots.state}/bangerd.log`,
  };
}
