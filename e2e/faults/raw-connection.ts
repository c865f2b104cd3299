import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A daemon answers at once what needs no work; on a busy machine within this. */
const ANSWER_MS = 10_000;

/** A connection to a daemon's socket on which a test writes whatever it likes. */
export class RawConnection {
  readonly #socket: Socket;
  #text = '';
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => (this.#text += chunk.toString('utf8')));
    socket.on('error', () => undefined);
    socket.on('end', () => (this.#ended = true));
    socket.on('close', () => (this.#ended = true));
  }

  static async open(path: string): Promise<RawConnection> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** A message as JSON, on a line of its own. */
  send(message: unknown): void {
    this.write(`${JSON.stringify(message)}\n`);
  }

  /** The next line, parsed. */
  async line(): Promise<unknown> {
    const end = Date.now() + ANSWER_MS;
    for (;;) {
      const at = this.#text.indexOf('\n');
      if (at >= 0) {
        const line = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + 1);
        return JSON.parse(line);
      }
      if (this.#ended || Date.now() > end) throw new Error(`No line came; there is: ${this.#text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Resolves when the daemon has closed its side. */
  async closed(): Promise<void> {
    if (!this.#ended) await once(this.#socket, 'end', { signal: AbortSignal.timeout(ANSWER_MS) });
    this.destroy();
  }

  /** What has come and was not taken. */
  get rest(): string {
    return this.#text;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
