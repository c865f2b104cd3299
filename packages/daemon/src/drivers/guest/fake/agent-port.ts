import { Duplex } from 'node:stream';
import { HelloTag } from '../handshake.ts';
import { FieldWriter } from '../fields.ts';
import type { GuestHello } from '../driver.ts';

const HOST_MAGIC = Buffer.from('banger-hello-v1\n', 'latin1');
const AGENT_MAGIC = Buffer.from('banger-agent-v1\n', 'latin1');
const KEY_BYTES = 32;
const NONCE_BYTES = 16;
/** From this many bytes on, what looks like a hello is held back (guest/PROTOCOL.md, section 1). */
const HOLD_FROM_BYTES = 24;

/** What a port tells its agent. */
export interface AgentPortEvents {
  /** A new hello: everything of the session before it is over. */
  hello(nonce: Buffer): void;
  /** Bytes of the session. */
  data(bytes: Buffer): void;
}

/**
 * The guest's end of a virtio-serial port: connections of the host come and go without a sign, their bytes join, and
 * what the agent writes while none is there reaches the next one. Finds hellos as guest/PROTOCOL.md, section 1, says.
 */
export class AgentPort {
  readonly #events: AgentPortEvents;
  #pattern: Buffer = HOST_MAGIC;
  #passed: Buffer = Buffer.alloc(0);
  #held: Buffer = Buffer.alloc(0);
  #connection: Duplex | undefined;
  #gap: Buffer[] = [];
  #session: Duplex | undefined;

  constructor(events: AgentPortEvents) {
    this.#events = events;
  }

  /** The host connects. What it sent on an earlier connection has been received before. */
  connect(connection: Duplex): void {
    this.#connection = connection;
    for (const bytes of this.#gap.splice(0)) connection.write(bytes);
    connection.on('data', (bytes: Buffer) => this.#receive(bytes));
    connection.on('error', () => undefined);
    connection.on('close', () => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    connection.on('drain', () => this.#session?.emit('port-drain'));
  }

  /** Writes bytes as the agent, or as something hostile in its place. */
  write(bytes: Uint8Array): boolean {
    if (this.#connection !== undefined) return this.#connection.write(bytes);
    this.#gap.push(Buffer.from(bytes));
    return true;
  }

  /** The host's end goes away. */
  hangUp(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  /** A transport for one session: it ends, and the port does not. */
  createTransport(): Duplex {
    this.#session?.destroy();
    const transport = new Duplex({
      read: () => undefined,
      write: (bytes: Uint8Array, _encoding, done) => {
        if (this.#session !== transport || this.write(bytes)) done();
        else transport.once('port-drain', done);
      },
    });
    this.#session = transport;
    return transport;
  }

  /** The agent's answer to a hello. */
  answer(nonce: Uint8Array, hello: GuestHello): void {
    const fields = new FieldWriter()
      .u32(HelloTag.generation, hello.generation)
      .text(HelloTag.agentVersion, hello.agentVersion, 'version')
      .text(HelloTag.bootId, hello.bootId, 'boot id')
      .u8(HelloTag.configured, hello.configured ? 1 : 0)
      .text(HelloTag.init, hello.init, 'init')
      .encode();
    const length = Buffer.alloc(4);
    length.writeUInt32BE(fields.length);
    this.write(Buffer.concat([AGENT_MAGIC, nonce, length, fields]));
  }

  #receive(chunk: Buffer): void {
    const seen = this.#passed.length;
    const bytes = Buffer.concat([this.#passed, this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    const adopting = this.#pattern.length === HOST_MAGIC.length;
    const whole = HOST_MAGIC.length + KEY_BYTES + NONCE_BYTES;
    const at = bytes.indexOf(this.#pattern);
    if (at < 0) {
      const held = adopting ? 0 : this.#suffixToHold(bytes.subarray(seen));
      this.#pass(bytes, seen, bytes.length - held);
      this.#held = Buffer.from(bytes.subarray(bytes.length - held));
      return;
    }
    if (bytes.length - at < whole) {
      this.#passed = Buffer.alloc(0);
      this.#held = Buffer.from(bytes.subarray(at));
      if (at > seen) this.#deliver(bytes.subarray(seen, at));
      return;
    }
    if (at > seen) this.#deliver(bytes.subarray(seen, at));
    if (adopting) this.#pattern = Buffer.from(bytes.subarray(at, at + HOST_MAGIC.length + KEY_BYTES));
    const nonce = Buffer.from(bytes.subarray(at + whole - NONCE_BYTES, at + whole));
    this.#passed = Buffer.alloc(0);
    this.#events.hello(nonce);
    const rest = bytes.subarray(at + whole);
    if (rest.length > 0) this.#receive(rest);
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    this.#passed = Buffer.from(bytes.subarray(Math.max(0, to - this.#pattern.length + 1), to));
    if (to > from) this.#deliver(bytes.subarray(from, to));
  }

  /** Before the first hello there is no session to give bytes to. */
  #deliver(bytes: Buffer): void {
    if (this.#session !== undefined) this.#events.data(bytes);
  }

  /** Length of the longest end of `bytes` that begins a hello, when long enough to be held back. */
  #suffixToHold(bytes: Buffer): number {
    for (
      let length = Math.min(bytes.length, this.#pattern.length - 1);
      length >= HOLD_FROM_BYTES;
      length -= 1
    )
      if (bytes.subarray(-length).equals(this.#pattern.subarray(0, length))) return length;
    return 0;
  }
}
