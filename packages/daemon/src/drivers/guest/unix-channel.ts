import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import { systemClock, type Clock } from '../../host/clock.ts';
import type { GuestDriver, GuestSession, GuestTarget } from './driver.ts';
import { AnswerScanner, createNonce, encodeHello, RepeatSkipper } from './handshake.ts';
import { MuxSession } from './mux-session.ts';
import { createGuestSession } from './session.ts';

/** The agent may begin to listen at any moment of the boot, and what was sent before it did is lost. */
const HELLO_INTERVAL_MS = 1_000;
/** The VMM makes the socket some milliseconds after its start; this often we look again. */
const CONNECT_INTERVAL_MS = 50;
const MS_PER_SECOND = 1_000;

/** The driver for channels that are unix sockets of the VMM: virtio-serial under QEMU, vsock under Firecracker. */
export function createGuestDriver(clock: Clock = systemClock): GuestDriver {
  return {
    async connect(target, { deadlineMs, signal }) {
      const attempt = new Attempt(target, clock);
      const over = new AbortController();
      const cancel = (): void => over.abort();
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
      const deadline = clock.sleep(deadlineMs, over.signal).then(cancel, () => undefined);
      try {
        return await attempt.run(over.signal);
      } catch (error) {
        if (isBangerError(error, 'agent_protocol') || !over.signal.aborted) throw error;
        if (signal?.aborted === true)
          throw new BangerError('cancelled', 'The connection to the guest was cancelled.');
        throw attempt.notReady(deadlineMs, error);
      } finally {
        over.abort();
        signal?.removeEventListener('abort', cancel);
        await deadline;
      }
    },
  };
}

/** One call of connect: connections until one is answered. */
class Attempt {
  readonly #target: GuestTarget;
  readonly #clock: Clock;
  #probe: 'agent channel' | 'agent hello' = 'agent channel';
  #lastError: unknown;

  constructor(target: GuestTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** Tries until a session stands, the guest breaks the protocol, or `over` fires. */
  async run(over: AbortSignal): Promise<GuestSession> {
    for (;;) {
      over.throwIfAborted();
      const socket = createConnection({ path: this.#target.path });
      try {
        await once(socket, 'connect', { signal: over });
        this.#probe = 'agent hello';
        return await this.#greet(socket, over);
      } catch (error) {
        socket.destroy();
        if (isBangerError(error)) throw error;
        this.#lastError = error;
      }
      await this.#clock.sleep(CONNECT_INTERVAL_MS, over);
    }
  }

  notReady(deadlineMs: number, error: unknown): BangerError {
    const did = this.#probe === 'agent channel' ? 'could not be reached' : 'did not answer';
    return new BangerError(
      'agent_not_ready',
      `The guest agent ${did} within ${deadlineMs / MS_PER_SECOND} s.`,
      {
        cause: this.#lastError ?? error,
        details: { probe: this.#probe },
      },
    );
  }

  /** Says hello each second until the answer comes. Rejects when the socket ends first. */
  async #greet(socket: Socket, over: AbortSignal): Promise<GuestSession> {
    const nonce = createNonce();
    const answered = Promise.withResolvers<GuestSession>();
    const stopped = new AbortController();
    const failed = (cause?: Error): void => answered.reject(cause ?? new Error('the channel was closed'));
    const giveUp = (): void => failed(new Error('no answer'));
    const scanner = new AnswerScanner(nonce);
    let receive = (chunk: Buffer): void => {
      const found = scanner.push(chunk);
      if (found === undefined) return;
      const mux = new MuxSession(socket);
      receive = afterRepeats(nonce, mux);
      answered.resolve(createGuestSession(mux, found.hello));
      receive(found.rest);
    };
    socket.on('data', (chunk) => {
      try {
        receive(chunk);
      } catch (error) {
        failed(error as BangerError);
        socket.destroy();
      }
    });
    socket.on('error', failed);
    socket.on('close', () => failed());
    over.addEventListener('abort', giveUp, { once: true });
    try {
      void this.#sayHello(socket, encodeHello(this.#target.key, nonce), stopped.signal);
      return await answered.promise;
    } finally {
      stopped.abort();
      over.removeEventListener('abort', giveUp);
    }
  }

  async #sayHello(socket: Socket, hello: Buffer, stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      // A guest that does not read lets them pile up in the socket's buffer; one that waits there is enough.
      if (!socket.writableNeedDrain) socket.write(hello);
      await this.#clock.sleep(HELLO_INTERVAL_MS, stopped).catch(() => undefined);
    }
  }
}

/** Hands bytes to the session, without repeated answers before its first frame. */
function afterRepeats(nonce: Buffer, mux: MuxSession): (chunk: Buffer) => void {
  const skipper = new RepeatSkipper(nonce);
  let begun = false;
  return (chunk) => {
    if (begun) {
      mux.receive(chunk);
      return;
    }
    try {
      const frames = skipper.push(chunk);
      if (frames === undefined) return;
      begun = true;
      mux.receive(frames);
    } catch (error) {
      mux.fail(toBangerError(error));
    }
  };
}
