import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import type { ExecEnd, ExecRequest, GuestExec, RequestOptions } from './driver.ts';
import { FieldWriter, type FieldReader } from './fields.ts';
import type { MessageStream } from './message-stream.ts';
import { MessageType } from './message-types.ts';
import { RawOutput } from './raw-output.ts';
import { createRawInput } from './raw-input.ts';
import { ask, cancelled, converse, type AgentChannel, type AgentRequest } from './request.ts';
import { violation } from './violation.ts';

/** Tags of the messages of exec. */
export const ExecTag = { arg: 1, env: 2, cwd: 3, user: 4, tty: 5, login: 6, makeCwd: 7, plain: 8 } as const;
export const TtyTag = { rows: 1, columns: 2, term: 3 } as const;
export const StartedTag = { session: 1, pid: 2 } as const;
export const ExitTag = { status: 1, signal: 2, coreDumped: 3 } as const;
export const SignalTag = { session: 1, signal: 2 } as const;
export const ResizeTag = { session: 1, rows: 2, columns: 3 } as const;

/** wait(2) gives eight bits of status and signals up to 64; anything else is a lie. */
const MAX_STATUS = 255;
const MAX_SIGNAL = 64;

/** Starts a command (guest/PROTOCOL.md, exec). */
export async function exec(
  channel: AgentChannel,
  request: ExecRequest,
  options: RequestOptions,
): Promise<GuestExec> {
  const what = `run ${request.argv[0] ?? 'the login shell'}`;
  const { stream, reply } = await converse(
    channel,
    {
      ...options,
      type: MessageType.exec,
      fields: execFields(request),
      name: 'exec',
      what,
      replyType: MessageType.started,
    },
    (started) => ({
      session: started.required(started.number(StartedTag.session), 'the session id'),
      pid: started.required(started.number(StartedTag.pid), 'the pid'),
    }),
  );
  return new Exec(channel, stream, reply, request.tty !== undefined, options.signal);
}

function execFields(request: ExecRequest): FieldWriter {
  const fields = new FieldWriter();
  for (const arg of request.argv) fields.text(ExecTag.arg, arg, 'argument');
  for (const [name, value] of Object.entries(request.env ?? {}))
    fields.text(ExecTag.env, `${name}=${value}`, `environment variable ${name}`);
  if (request.cwd !== undefined) fields.text(ExecTag.cwd, request.cwd, 'working directory');
  if (request.user !== undefined) fields.text(ExecTag.user, request.user, 'user');
  if (request.tty !== undefined) {
    const { rows, columns, term } = request.tty;
    const tty = new FieldWriter()
      .u16(TtyTag.rows, rows)
      .u16(TtyTag.columns, columns)
      .text(TtyTag.term, term, 'TERM');
    fields.nested(ExecTag.tty, tty);
  }
  if (request.login === true) fields.flag(ExecTag.login);
  if (request.plain === true) fields.flag(ExecTag.plain);
  if (request.makeCwd === true) fields.flag(ExecTag.makeCwd);
  return fields;
}

class Exec implements GuestExec {
  readonly pid: number;
  readonly stdin;
  readonly stdout;
  readonly stderr;
  readonly exit: Promise<ExecEnd>;
  readonly #channel: AgentChannel;
  readonly #stream: MessageStream;
  readonly #session: number;
  readonly #out: RawOutput;
  readonly #err: RawOutput;
  readonly #settle: { resolve: (end: ExecEnd) => void; reject: (error: BangerError) => void };
  #pumping = false;
  #over = false;

  constructor(
    channel: AgentChannel,
    stream: MessageStream,
    started: { readonly session: number; readonly pid: number },
    terminal: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#channel = channel;
    this.#stream = stream;
    this.#session = started.session;
    this.pid = started.pid;
    this.#out = new RawOutput(() => this.#pump());
    this.#err = new RawOutput(() => this.#pump());
    this.stdin = createRawInput(stream, MessageType.stdin, { endMessage: !terminal });
    this.stdout = this.#out.readable;
    this.stderr = this.#err.readable;
    const { promise, resolve, reject } = Promise.withResolvers<ExecEnd>();
    this.exit = promise;
    // Whoever waits for the exit gets the error; a caller that gave up does not have to.
    promise.catch(() => undefined);
    const giveUp = (): void => this.abort();
    signal?.addEventListener('abort', giveUp, { once: true });
    const settled = (): void => signal?.removeEventListener('abort', giveUp);
    this.#settle = {
      resolve: (end) => (settled(), resolve(end)),
      reject: (error) => (settled(), reject(error)),
    };
    stream.onReadable = () => this.#pump();
    if (signal?.aborted === true) this.abort();
    this.#pump();
  }

  async signal(number: number): Promise<void> {
    const fields = new FieldWriter().u32(SignalTag.session, this.#session).u32(SignalTag.signal, number);
    return this.#tell({ type: MessageType.signal, fields, name: 'signal', what: 'signal the command' });
  }

  async resize(rows: number, columns: number): Promise<void> {
    const fields = new FieldWriter()
      .u32(ResizeTag.session, this.#session)
      .u16(ResizeTag.rows, rows)
      .u16(ResizeTag.columns, columns);
    return this.#tell({ type: MessageType.resize, fields, name: 'resize', what: 'resize the terminal' });
  }

  async #tell(request: AgentRequest): Promise<void> {
    try {
      await ask(this.#channel, request, () => undefined);
    } catch (error) {
      // The agent knows only sessions that are there.
      if (!isBangerError(error, 'guest_failed') || error.details['errno'] !== 'ESRCH') throw error;
      throw new BangerError('command_ended', 'That command has ended.', { cause: error });
    }
  }

  abort(): void {
    this.#fail(cancelled('command'));
  }

  /** Hands on what came, as far as it is wanted. Not re-entered: pushing makes a Readable ask for more at once. */
  #pump(): void {
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    try {
      while (!this.#over && this.#step());
    } catch (error) {
      this.#fail(toBangerError(error));
    } finally {
      this.#pumping = false;
    }
  }

  /** Handles the next part of a message; false when there is nothing to do now. */
  #step(): boolean {
    const head = this.#stream.head();
    if (head === undefined) return this.#ending();
    if (head.type === MessageType.stdout) return this.#output(this.#out, head.length);
    if (head.type === MessageType.stderr) return this.#output(this.#err, head.length);
    if (head.type !== MessageType.exit)
      throw this.#stream.refuse(violation(`sent a message of type ${head.type} as output of a command`));
    const payload = this.#stream.payload();
    if (payload === undefined) return this.#ending();
    this.#exited(this.#stream.fields(payload, 'an exit', readEnd));
    return false;
  }

  #output(output: RawOutput, length: number): boolean {
    if (length === 0) throw this.#stream.refuse(violation('sent output of no bytes'));
    if (!output.wanted) return false;
    const part = this.#stream.part();
    if (part === undefined) return this.#ending();
    output.push(part);
    return true;
  }

  #ending(): false {
    if (this.#stream.failure !== undefined) throw this.#stream.failure;
    if (this.#stream.ended) throw this.#stream.refuse(violation('ended a command without its exit'));
    return false;
  }

  #exited(end: ExecEnd): void {
    this.#over = true;
    this.#out.end();
    this.#err.end();
    this.stdin.destroy();
    this.#stream.release(cancelled('command'));
    this.#settle.resolve(end);
  }

  #fail(error: BangerError): void {
    if (this.#over) return;
    this.#over = true;
    this.#out.fail(error);
    this.#err.fail(error);
    this.stdin.destroy(error);
    this.#stream.reset(error);
    this.#settle.reject(error);
  }
}

function readEnd(fields: FieldReader): ExecEnd {
  const status = fields.number(ExitTag.status);
  const signal = fields.number(ExitTag.signal);
  if ((status === undefined) === (signal === undefined))
    throw violation('sent an exit without one status or signal');
  if (status !== undefined && status > MAX_STATUS) throw violation(`sent the exit status ${status}`);
  if (status !== undefined) return { status };
  if (signal === undefined || signal < 1 || signal > MAX_SIGNAL)
    throw violation(`sent an exit by signal ${signal}`);
  return { signal, coreDumped: fields.has(ExitTag.coreDumped) };
}
