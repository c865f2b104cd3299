import { connect, type Socket } from 'node:net';
import { BangerError, toBangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import { LineSplitter } from './line-splitter.ts';
import { parseQmpLine, type QmpEvent, type QmpMessage } from './qmp-messages.ts';

/** The longest answer that we ask for has a few kilobytes; a line beyond this is no answer. */
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * QEMU answers from its main loop in milliseconds; the loop waits for a lock that translated guest code holds, and eight
 * VMs at once on two cores delayed it by seconds. After this it hangs.
 */
export const QMP_ANSWER_MS = 20_000;

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: BangerError) => void;
}

/**
 * A connection to QEMU's control socket. QEMU serves one at a time: a second one connects but is not greeted until
 * the first has closed.
 */
export class QmpConnection {
  /** As QEMU greeted, `7.2.22`. */
  readonly version: string;
  /** Settles with the reason once nothing can be sent or received any more; never rejects. */
  readonly closed: Promise<BangerError>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #nextId = 1;
  #failure: BangerError | undefined;

  private constructor(socket: Socket, clock: Clock, version: string, messages: MessageSource) {
    this.#socket = socket;
    this.#clock = clock;
    this.version = version;
    this.closed = messages.ended.then((reason) => {
      this.#failure = reason;
      for (const { reject } of this.#pending.values()) reject(reason);
      this.#pending.clear();
      return reason;
    });
    messages.deliver((message) => this.#receive(message));
  }

  /**
   * Connects, is greeted and negotiates. Rejects with the error of connect(2) as the cause when nobody listens,
   * `vmm_failed` when QEMU does not greet in time, `cancelled` by the signal.
   */
  static async open(path: string, clock: Clock, signal?: AbortSignal): Promise<QmpConnection> {
    const socket = connect(path);
    const messages = new MessageSource(socket);
    const stop = (): void => void socket.destroy(new BangerError('cancelled', 'The start was cancelled.'));
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
    try {
      const greeting = await within(clock, Promise.race([messages.next(), failing(messages.ended)]), () => {
        return 'QEMU did not greet on its control socket: it hangs, or another program holds the socket';
      });
      if (greeting.kind !== 'greeting')
        throw new BangerError('vmm_failed', `QEMU began with "${greeting.kind}" instead of its greeting.`);
      const connection = new QmpConnection(socket, clock, greeting.version, messages);
      await connection.execute('qmp_capabilities');
      return connection;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Runs a command and resolves with what it returns. Rejects with `vmm_failed` in QEMU's words, or when it is late. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { command, resolve, reject });
    });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    try {
      return await within(this.#clock, answer, () => `QEMU did not answer "${command}"`);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Calls `listener` with each event from now on; the result ends that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(message: QmpMessage): void {
    if (message.kind === 'event') {
      for (const listener of this.#listeners) listener(message.event);
      return;
    }
    if (message.kind === 'greeting') {
      this.#socket.destroy(new BangerError('vmm_failed', 'QEMU greeted twice.'));
      return;
    }
    const pending = this.#pending.get(message.id);
    // The answer to a command that was given up: late, but no offence.
    if (pending === undefined) return;
    if (message.kind === 'reply') pending.resolve(message.value);
    else {
      const text = `QEMU refused "${pending.command}": ${message.description}`;
      pending.reject(new BangerError('vmm_failed', text, { details: { class: message.class } }));
    }
  }
}

/** The messages of a socket in order, held until somebody takes them. */
class MessageSource {
  /** Settles with the reason when no more will come. */
  readonly ended: Promise<BangerError>;
  #held: QmpMessage[] = [];
  #deliver: ((message: QmpMessage) => void) | undefined;

  constructor(socket: Socket) {
    const lines = new LineSplitter(MAX_LINE_BYTES);
    let failure: BangerError | undefined;
    socket.on('data', (chunk: Buffer) => {
      let messages: QmpMessage[];
      try {
        messages = lines
          .push(chunk)
          .filter((line) => line !== '')
          .map(parseQmpLine);
      } catch (error) {
        socket.destroy(
          error instanceof RangeError
            ? new BangerError('vmm_failed', `On QEMU's control socket ${error.message}.`)
            : toBangerError(error),
        );
        return;
      }
      for (const message of messages) this.#accept(message);
    });
    socket.on('error', (error) => {
      failure =
        error instanceof BangerError
          ? error
          : new BangerError('vmm_failed', `QEMU's control socket: ${error.message}.`, { cause: error });
    });
    this.ended = new Promise((resolve) => {
      socket.once('close', () =>
        resolve(failure ?? new BangerError('vmm_failed', 'QEMU closed its control socket.')),
      );
    });
  }

  /** The next message; for the greeting, before `deliver`. */
  next(): Promise<QmpMessage> {
    const first = this.#held.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.#deliver = (message) => {
        this.#deliver = undefined;
        resolve(message);
      };
    });
  }

  /** From now on, hands every message to `receive`. */
  deliver(receive: (message: QmpMessage) => void): void {
    this.#deliver = receive;
    for (const message of this.#held.splice(0)) receive(message);
  }

  #accept(message: QmpMessage): void {
    if (this.#deliver === undefined) this.#held.push(message);
    else this.#deliver(message);
  }
}

async function failing(ended: Promise<BangerError>): Promise<never> {
  throw await ended;
}

async function within<T>(clock: Clock, work: Promise<T>, what: () => string): Promise<T> {
  const stop = new AbortController();
  const late = clock.sleep(QMP_ANSWER_MS, stop.signal).then((): never => {
    throw new BangerError('vmm_failed', `${what()} (waited ${QMP_ANSWER_MS / 1000} s).`, {
      details: { late: true },
    });
  });
  late.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
  }
}
