import { performance } from 'node:perf_hooks';
import { BangerError } from '@banger/contract/error';
import { clock } from './clock.ts';
import { configure } from './configure.ts';
import { dial } from './dial.ts';
import type { GuestHello, GuestSession, RequestOptions } from './driver.ts';
import { events } from './events.ts';
import { exec } from './exec.ts';
import { get } from './get.ts';
import { MessageStream } from './message-stream.ts';
import type { MuxSession } from './mux-session.ts';
import { pack } from './pack.ts';
import { ports } from './ports.ts';
import { put } from './put.ts';
import { cancelled, noAnswer, type AgentChannel } from './request.ts';
import { shutdown, sync } from './shutdown.ts';
import { stats } from './stats.ts';
import { unpack } from './unpack.ts';

/** An agent that is scheduled at all answers a ping within this, also under TCG on a loaded host. */
const PING_TIMEOUT_MS = 10_000;

/** The requests of the protocol on one session; async, so that what is wrong with an argument rejects too. */
export function createGuestSession(mux: MuxSession, hello: GuestHello): GuestSession {
  const channel: AgentChannel = { open: () => new MessageStream(mux.open(), (error) => mux.fail(error)) };
  return {
    hello,
    closed: mux.closed,
    configure: async (configuration, options = {}) => configure(channel, configuration, options),
    exec: async (request, options = {}) => exec(channel, request, options),
    dial: async (target, options = {}) => dial(channel, target, options),
    put: async (file, content, options = {}) => put(channel, file, content, options),
    get: async (path, options = {}) => get(channel, path, options),
    pack: async (request, options = {}) => pack(channel, request, options),
    unpack: async (target, tree, options = {}) => unpack(channel, target, tree, options),
    ports: async (options = {}) => ports(channel, options),
    stats: async (options = {}) => stats(channel, options),
    clock: async (options = {}) => clock(channel, options),
    sync: async (options = {}) => sync(channel, options),
    shutdown: async (how, options = {}) => shutdown(channel, how, options),
    events: (options = {}) => events(channel, options),
    ping: async (options = {}) => ping(mux, options),
    close: (reason) => (reason === undefined ? mux.close() : mux.fail(reason)),
  };
}

async function ping(
  mux: MuxSession,
  { signal, timeoutMs = PING_TIMEOUT_MS }: RequestOptions,
): Promise<number> {
  const begun = performance.now();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(cancelled('ping'));
  const timer = setTimeout(() => reject(noAnswer('ping', timeoutMs)), timeoutMs);
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  try {
    const lost = mux.closed.then((reason) => {
      throw reason ?? new BangerError('agent_lost', 'The channel to the guest was closed.');
    });
    await Promise.race([mux.ping(), lost, givenUp]);
    return performance.now() - begun;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}
