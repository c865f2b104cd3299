import { createServer, type Server, type Socket } from 'node:net';

/** What a QEMU 7.2.22 greets with. */
export const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}';

/** The answer to one command: a value, a refusal, or silence. */
export type ScriptedAnswer = { readonly value: unknown } | { readonly refusal: string } | 'silence';

/** The control socket of a QEMU that answers as a test tells it. Like a real one, it greets one connection at a time. */
export class ScriptedQemu {
  /** Commands that came, without the negotiation. */
  readonly commands: { readonly execute: string; readonly arguments: unknown }[] = [];
  /** Answers by command; a command without one returns an empty object. */
  readonly answers = new Map<string, ScriptedAnswer>([['query-status', { value: { status: 'running' } }]]);
  /** First line of a connection. */
  greeting = GREETING;
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #served: Socket | undefined;

  private constructor() {
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      this.#waiting.push(socket);
      this.#serveNext();
    });
  }

  static async listen(path: string): Promise<ScriptedQemu> {
    const qemu = new ScriptedQemu();
    await new Promise<void>((resolve) => {
      qemu.#server.listen(path, resolve);
    });
    return qemu;
  }

  /** Sends an event, as `SHUTDOWN`. */
  event(name: string, data: unknown): void {
    this.write(`${JSON.stringify({ event: name, data, timestamp: { seconds: 1, microseconds: 2 } })}\r\n`);
  }

  /** Sends anything at all. */
  write(bytes: string | Buffer): void {
    this.#served?.write(bytes);
  }

  /** Closes the connection that is served; the next one is greeted. */
  hangUp(): void {
    this.#served?.destroy();
  }

  /** Ends, as when the process ends. */
  async close(): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    this.hangUp();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serveNext(): void {
    if (this.#served !== undefined) return;
    const socket = this.#waiting.shift();
    if (socket === undefined) return;
    this.#served = socket;
    socket.once('close', () => {
      this.#served = undefined;
      this.#serveNext();
    });
    socket.write(`${this.greeting}\r\n`);
    let held = '';
    socket.on('data', (chunk: Buffer) => {
      const lines = `${held}${chunk.toString()}`.split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) this.#answer(socket, line);
    });
  }

  #answer(socket: Socket, line: string): void {
    const command = JSON.parse(line) as { execute: string; arguments: unknown; id: number };
    if (command.execute !== 'qmp_capabilities')
      this.commands.push({ execute: command.execute, arguments: command.arguments });
    const answer = this.answers.get(command.execute) ?? { value: {} };
    if (answer === 'silence') return;
    const body =
      'value' in answer
        ? { return: answer.value }
        : { error: { class: 'GenericError', desc: answer.refusal } };
    socket.write(`${JSON.stringify({ ...body, id: command.id })}\r\n`);
  }
}
