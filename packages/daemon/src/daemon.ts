import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { buildInfo } from '@banger/contract/build-info';
import { temporaryRuntime, type BangerPaths } from '@banger/contract/paths';
import { SHUTDOWN_DEADLINE_MS } from '@banger/contract/shutdown';
import type { Logger } from 'pino';
import { servePeer, type Peer } from '@banger/rpc/server-peer';
import { mapError } from './api/method-table.ts';
import { watchForBugs } from './bug-watch.ts';
import { compose, type Daemon } from './compose.ts';
import { loadConfig } from './config/load.ts';
import { configInput } from './config-input.ts';
import { systemClock } from './host/clock.ts';
import { ensurePrivateDir, writeFileAtomic } from './host/private-files.ts';
import { keepListening } from './host/kept-socket.ts';
import { RunDirectory } from './host/run-directory.ts';
import { openLog } from './log.ts';
import { HOLDER_FILE } from './store/holder.ts';
import { lookAtOpenState } from './store/look-at-state.ts';
import { DATABASE_FILE, openState } from './store/open-state.ts';
import { StatePlace } from './store/state-place.ts';

/** How long a daemon whose state is gone goes on at most; a look is a stat(2). What would remove something looks itself. */
const PLACE_LOOK_MS = 1_000;

/** Runs the daemon until it is asked to end by a signal or a client. Rejects when it cannot start, and then has changed nothing. */
export async function runDaemon(paths: BangerPaths): Promise<void> {
  const config = await loadConfig(configInput(paths));
  const { uid } = config.input;
  const run = new RunDirectory(paths.run, temporaryRuntime(uid), uid);
  for (const directory of [paths.state, paths.cache, paths.run]) await ensurePrivateDir(directory);
  const database = openState(paths.state);
  const log = openLog(paths.log, config.effective.log_level.value);
  const unwatch = watchForBugs(log);
  const holder = join(paths.state, HOLDER_FILE);
  try {
    await writeFileAtomic(holder, JSON.stringify({ pid: process.pid, ...buildInfo() }));
    log.info({ pid: process.pid, build: buildInfo() }, 'daemon starts');
    const lookAtState = () => lookAtOpenState(paths.state, database);
    const place = new StatePlace(join(paths.state, DATABASE_FILE));
    endWhenLost(place, run, log);
    await run.ensure();
    const daemon = compose(paths, { config, database, place, run, lookAtState, log });
    await daemon.recover();
    await serve(paths, daemon, log);
    daemon.release();
    log.info('daemon ends');
  } catch (error) {
    log.error({ error: String(error), stack: (error as Error).stack }, 'daemon failed');
    throw error;
  } finally {
    await rm(holder, { force: true });
    await run.remove();
    database.close();
    log.flush();
    unwatch();
  }
}

/**
 * Ends this daemon as a kill does, within a second after its state was deleted or replaced: an orderly end removes socket, holder's file
 * and half-made things by paths that are another daemon's then. VMs run on.
 */
function endWhenLost(place: StatePlace, run: RunDirectory, log: Logger): void {
  const look = (): void => {
    if (!place.isLost) return;
    log.fatal({ pid: process.pid }, 'the state was deleted or replaced; the daemon ends, its VMs run on');
    log.flush();
    try {
      run.removeIfGone();
    } finally {
      process.kill(process.pid, 'SIGKILL');
    }
  };
  setInterval(look, PLACE_LOOK_MS).unref();
}

/** Serves clients until an end is asked for; then takes no new ones, and waits for the calls at work. */
async function serve(paths: BangerPaths, daemon: Daemon, log: Logger): Promise<void> {
  const peers = new Set<Peer>();
  const onConnection = (socket: Socket): void => {
    const peer = servePeer(socket, {
      methods: daemon.methods,
      mapError,
      streams: daemon.streams,
      onClose: () => peers.delete(peer),
    });
    peers.add(peer);
  };
  const server = await keepListening(
    { path: paths.socket, onConnection },
    {
      clock: systemClock,
      back: () => log.warn('the socket was taken away; the daemon listens again'),
      missing: (why) =>
        log.warn({ error: String(why) }, 'the socket was taken away, and cannot be made again'),
    },
  );
  log.info('daemon listens');
  await endAsked(daemon.info.stopRequested);
  daemon.streams.close();
  daemon.operations.cancelAll('The daemon was asked to end.');
  const ended = [server.close(), ...[...peers].map((peer) => peer.close())];
  await Promise.race([Promise.all(ended).then(() => daemon.info.settled()), timeout(SHUTDOWN_DEADLINE_MS)]);
}

/** Resolves when a signal or a client asks the daemon to end. A closed terminal is no reason. */
async function endAsked(stopRequested: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.on('SIGHUP', () => undefined);
  process.once('SIGTERM', () => resolve());
  process.once('SIGINT', () => resolve());
  stopRequested.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
