import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { BangerError } from '@banger/contract/error';
import type { GuestHello } from '../driver.ts';
import { MessageStream } from '../message-stream.ts';
import { MuxSession } from '../mux-session.ts';
import { AgentPort } from './agent-port.ts';
import { serveRequest } from './fake-requests.ts';
import { FakeGuestState, type FakeGuestOptions } from './fake-state.ts';

/**
 * A guest without a VM: speaks the agent protocol (guest/PROTOCOL.md) as the agent does, runs commands of a table, and
 * is strict, so that a host which breaks the protocol fails its test. It can be told to misbehave.
 */
export class FakeGuest {
  readonly state: FakeGuestState;
  /** What the host did wrong, oldest first. */
  readonly violations: BangerError[] = [];
  /** True: hellos are not answered. */
  silent = false;
  /** True: it stands still, and takes nothing of what the host sends. */
  deaf = false;
  /** True: each hello is answered twice, as an agent may. */
  answersTwice = false;
  readonly #port: AgentPort;
  #mux: MuxSession | undefined;

  constructor(options: FakeGuestOptions = {}) {
    this.state = new FakeGuestState(options);
    this.#port = new AgentPort({
      hello: (nonce) => this.#greet(nonce),
      data: (bytes) => {
        if (!this.deaf) this.#mux?.receive(bytes);
      },
    });
  }

  /** The host connects: its last connection is the one that is served, as on a VMM's socket. */
  connect(connection: Duplex): void {
    this.#port.connect(connection);
  }

  /** Puts bytes on the channel, as a hostile guest could. */
  inject(bytes: Uint8Array): void {
    this.#port.write(bytes);
  }

  /** The host's connection ends, as when the VMM dies. */
  hangUp(): void {
    this.#port.hangUp();
  }

  /** Another boot of the same guest: unconfigured, nothing running. */
  reboot(): void {
    this.#mux?.close();
    this.#mux = undefined;
    this.state.reboot(randomUUID());
  }

  /** Ends the session and the connection. */
  close(): void {
    this.#mux?.close();
    this.#port.hangUp();
  }

  get hello(): GuestHello {
    return this.state.hello;
  }

  #greet(nonce: Buffer): void {
    if (this.silent) return;
    this.#mux?.close();
    const transport = this.#port.createTransport();
    const mux = new MuxSession(transport, {
      accept: (stream) => {
        const messages = new MessageStream(stream, (error) => mux.fail(error));
        void serveRequest(this.state, messages).catch((error: unknown) => this.#wrong(error as BangerError));
      },
    });
    this.#mux = mux;
    void mux.closed.then((reason) => {
      if (reason?.code === 'agent_protocol') this.#wrong(reason);
    });
    this.#port.answer(nonce, this.hello);
    if (this.answersTwice) this.#port.answer(nonce, this.hello);
  }

  #wrong(error: BangerError): void {
    if (error.code === 'agent_protocol' || error.code === 'internal') this.violations.push(error);
  }
}
