import { toBangerError } from '@banger/contract/error';
import { rawBytes, rawText } from '@banger/contract/raw-text';
import type { ExecEnd, GuestTty } from '../driver.ts';
import { ExecTag, ExitTag, StartedTag, TtyTag } from '../exec.ts';
import { FieldWriter, type FieldReader } from '../fields.ts';
import type { MessageStream } from '../message-stream.ts';
import { MessageType } from '../message-types.ts';
import { createRawInput } from '../raw-input.ts';
import { RawOutput } from '../raw-output.ts';
import { ErrorReason } from '../reply-error.ts';
import { violation } from '../violation.ts';
import { refuse } from './fake-reply.ts';
import type { FakeCommandContext, FakeGuestState } from './fake-state.ts';

const SIGHUP = 1;
const SIGKILL = 9;
const ENOENT = 2;
const EACCES = 13;
const E2BIG = 7;
/** What Linux takes as arguments and environment, and counts for each beside its bytes; and as one string. */
const MAX_TOTAL_BYTES = 2_097_152;
const STRING_OVERHEAD = 9;
const MAX_STRING_BYTES = 131_071;
const MAX_VARIABLES = 8192;
/** Name of the login shell in the table of commands. */
const LOGIN_SHELL = '/bin/sh';
/** Commands of a fake have no process. */
const FIRST_PID = 1000;

interface FakeExecRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
  readonly tty: GuestTty | undefined;
  readonly login: boolean;
}

/** Runs a command of the table. */
export async function serveExec(
  state: FakeGuestState,
  stream: MessageStream,
  payload: Uint8Array,
): Promise<void> {
  const request = stream.fields(payload, 'exec', readRequest);
  const program = request.argv[0] ?? LOGIN_SHELL;
  const command = state.options.commands?.[program];
  const user = request.user?.split(':')[0] ?? 'root';
  if (user !== 'root' && !(state.options.users ?? []).includes(user)) {
    refuse(stream, ErrorReason.noSuchUser, 0, '');
    return;
  }
  if (command === undefined || command === 'not-executable') {
    const known = command !== undefined;
    refuse(
      stream,
      known ? ErrorReason.notExecutable : ErrorReason.notFound,
      known ? EACCES : ENOENT,
      known ? 'Permission denied' : 'No such file or directory',
    );
    return;
  }
  if (isTooLong(request)) {
    refuse(stream, ErrorReason.failed, E2BIG, `${program}: Argument list too long`);
    return;
  }
  const session = state.nextSession();
  const started = new FieldWriter().u32(StartedTag.session, session).u32(StartedTag.pid, FIRST_PID + session);
  stream.send(MessageType.started, started.encode());

  const killed = Promise.withResolvers<ExecEnd>();
  const hangUp = new AbortController();
  const die = (signal: number): void => killed.resolve({ signal, coreDumped: false });
  let onSignal = die;
  const input = new RawOutput(() => pump());
  const context: FakeCommandContext = {
    ...request,
    stdin: input.readable,
    stdout: createRawInput(stream, MessageType.stdout, { endMessage: false }),
    stderr: createRawInput(stream, MessageType.stderr, { endMessage: false }),
    hangUp: hangUp.signal,
    onSignal: (handler) => {
      onSignal = handler;
    },
  };
  state.sessions.set(session, {
    signal: (number) => (number === SIGKILL ? die(number) : onSignal(number)),
    resize: (rows, columns) => {
      if (context.tty !== undefined) context.tty = { ...context.tty, rows, columns };
    },
  });
  const gone = (): void => {
    hangUp.abort();
    die(SIGHUP);
  };
  const pump = stdinPump(stream, input, context.tty !== undefined, gone);
  stream.onReadable = pump;
  pump();
  const end = await Promise.race([Promise.resolve(command(context)), killed.promise]);
  state.sessions.delete(session);
  stream.send(MessageType.exit, encodeEnd(end).encode());
  stream.end();
}

function isTooLong({ argv, env }: FakeExecRequest): boolean {
  const strings = [...argv, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const sizes = strings.map((each) => rawBytes(each).length);
  const total = sizes.reduce((sum, size) => sum + size + STRING_OVERHEAD, 0);
  return total > MAX_TOTAL_BYTES || sizes.some((size) => size > MAX_STRING_BYTES);
}

function stdinPump(stream: MessageStream, input: RawOutput, terminal: boolean, gone: () => void): () => void {
  let pumping = false;
  const step = (): boolean => {
    const head = stream.head();
    if (head === undefined) {
      if (stream.failure !== undefined || stream.ended) gone();
      return false;
    }
    if (head.type !== MessageType.stdin)
      throw stream.refuse(violation(`sent a message of type ${head.type} to a command`));
    if (head.length === 0) {
      stream.payload();
      if (!terminal) input.end();
      return true;
    }
    const part = input.wanted ? stream.part() : undefined;
    if (part === undefined) return false;
    input.push(part);
    return true;
  };
  return () => {
    if (pumping) return;
    pumping = true;
    try {
      while (step());
    } catch (error) {
      stream.reset(toBangerError(error));
      gone();
    } finally {
      pumping = false;
    }
  };
}

function readRequest(fields: FieldReader): FakeExecRequest {
  const argv = fields.list(ExecTag.arg, Infinity).map(rawText);
  const login = fields.has(ExecTag.login);
  if ((argv.length === 0) !== login)
    throw violation('sent an exec with neither or both of an argv and login');
  const env = fields.list(ExecTag.env, MAX_VARIABLES).map((bytes) => {
    const [name = '', ...value] = rawText(bytes).split('=');
    return [name, value.join('=')] as const;
  });
  const [tty] = fields.nested(ExecTag.tty, 1);
  return {
    argv,
    login,
    env: Object.fromEntries(env),
    cwd: fields.text(ExecTag.cwd),
    user: fields.text(ExecTag.user),
    tty:
      tty === undefined
        ? undefined
        : {
            rows: tty.required(tty.number(TtyTag.rows), 'rows'),
            columns: tty.required(tty.number(TtyTag.columns), 'columns'),
            term: tty.required(tty.text(TtyTag.term), 'TERM'),
          },
  };
}

function encodeEnd(end: ExecEnd): FieldWriter {
  if ('status' in end) return new FieldWriter().u32(ExitTag.status, end.status);
  const fields = new FieldWriter().u32(ExitTag.signal, end.signal);
  return end.coreDumped ? fields.flag(ExitTag.coreDumped) : fields;
}
