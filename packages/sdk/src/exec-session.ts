import type { Duplex, Readable, Writable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import type { ExecEnd, TerminalSize } from '@banger/contract/exec';
import { frameKind } from '@banger/contract/stream-frames';
import { cancelled } from './call-errors.ts';
import { PacedReadable, inputTo, receiveFrames } from './frame-streams.ts';

/** A command at work in a guest. Its streams are raw bytes with back-pressure: both outputs must be read. */
export interface ExecSession {
  readonly session: string;
  /** In the guest. */
  readonly pid: number;
  /** Ending it ends the command's input; it closes by itself when the command has ended. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty when the command has a terminal. */
  readonly stderr: Readable;
  /** Resolves once the command has ended and all of its output has come; rejects when the connection is lost. */
  readonly exit: Promise<ExecEnd>;
  /** Sends a signal, by number, to the command's process group. */
  signal(signal: number): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  /** Leaves: a command that still runs loses its session. Harmless when repeated. */
  close(): void;
}

/** What a session asks of the connection that started it. */
export interface SessionCalls {
  signal(session: string, signal: number): Promise<void>;
  resize(session: string, size: TerminalSize): Promise<void>;
}

interface Outputs {
  readonly stdout: PacedReadable;
  readonly stderr: PacedReadable;
}

/** Opens a session over its byte stream, which it owns from now on. */
export function openExecSession(
  { session, pid }: { readonly session: string; readonly pid: number },
  stream: Duplex,
  calls: SessionCalls,
): ExecSession {
  const outputs: Outputs = { stdout: new PacedReadable(), stderr: new PacedReadable() };
  const stdin = inputTo(stream);
  // Nobody has to listen: why a stream broke is told by `exit`, which nobody has to ask either.
  for (const part of [stdin, outputs.stdout, outputs.stderr]) part.on('error', () => undefined);
  let closed = false;
  const exit = follow(stream, outputs, () => closed);
  exit.catch(() => undefined);
  return {
    session,
    pid,
    stdin,
    ...outputs,
    exit,
    signal: (signal) => calls.signal(session, signal),
    resize: (size) => calls.resize(session, size),
    close: () => {
      closed = true;
      stream.destroy();
      for (const output of Object.values(outputs)) output.destroy();
    },
  };
}

/** Ends everything with the command, and the outputs with the reason when that is a failure. */
async function follow(stream: Duplex, outputs: Outputs, closed: () => boolean): Promise<ExecEnd> {
  try {
    const end = await deal(stream, outputs);
    for (const output of Object.values(outputs)) output.push(null);
    return end;
  } catch (error) {
    if (closed()) throw cancelled(error);
    for (const output of Object.values(outputs)) output.destroy(error);
    throw error;
  } finally {
    stream.destroy();
  }
}

/** Deals the frames out until the last one, which says how the command ended. */
async function deal(stream: Duplex, { stdout, stderr }: Outputs): Promise<ExecEnd> {
  for await (const { kind, payload } of receiveFrames(stream)) {
    switch (kind) {
      case frameKind.stdout:
        await stdout.deliver(payload);
        break;
      case frameKind.stderr:
        await stderr.deliver(payload);
        break;
      case frameKind.exit:
        return parseEnd(payload);
      default:
        throw new BangerError('protocol_error', 'The daemon sent a frame that is not for clients.');
    }
  }
  throw new BangerError(
    'daemon_unreachable',
    'The connection to the daemon was lost before the command ended.',
  );
}

function parseEnd(payload: Buffer): ExecEnd {
  try {
    return JSON.parse(payload.toString()) as ExecEnd;
  } catch (cause) {
    throw new BangerError('protocol_error', 'The daemon did not say how the command ended.', { cause });
  }
}
