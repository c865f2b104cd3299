import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { BangerError, toBangerError } from '@banger/contract/error';
import type { ExecEnd } from '@banger/contract/exec';
import { frameKind } from '@banger/contract/stream-frames';
import type { GuestExec } from '../drivers/guest/driver.ts';
import type { FrameChannel, StreamOffers } from './streams.ts';

/** A session's id is not guessable: whoever has it may send signals. */
const SESSION_BYTES = 16;

/** The commands that clients have at work in guests. */
export class ExecSessions {
  readonly #sessions = new Map<string, GuestExec>();
  readonly #streams: StreamOffers;

  constructor(streams: StreamOffers) {
    this.#streams = streams;
  }

  /** Promises the bytes of a command that runs; one whose client never comes, or leaves, is hung up. */
  start(
    exec: GuestExec,
    callerGone: AbortSignal,
  ): { readonly session: string; readonly stream: string; readonly pid: number } {
    const session = randomBytes(SESSION_BYTES).toString('hex');
    this.#sessions.set(session, exec);
    const forget = (): void => void this.#sessions.delete(session);
    // A command that ends before its client picks it up is no unhandled rejection.
    exec.exit.catch(() => undefined);
    const stream = this.#streams.offer(
      (channel) => serveExec(exec, channel).finally(forget),
      () => {
        forget();
        exec.abort();
      },
      { callerGone },
    );
    return { session, stream, pid: exec.pid };
  }

  get(session: string): GuestExec {
    const found = this.#sessions.get(session);
    if (found === undefined) throw new BangerError('command_ended', 'That command has ended.');
    return found;
  }
}

async function serveExec(exec: GuestExec, channel: FrameChannel): Promise<void> {
  const hangUp = (): void => exec.abort();
  channel.gone.addEventListener('abort', hangUp, { once: true });
  const input = feed(exec.stdin, channel);
  input.catch(() => undefined);
  try {
    await Promise.all([
      drain(exec.stdout, frameKind.stdout, channel),
      drain(exec.stderr, frameKind.stderr, channel),
    ]);
    await channel.write({ kind: frameKind.exit, payload: Buffer.from(JSON.stringify(await endOf(exec))) });
  } finally {
    channel.gone.removeEventListener('abort', hangUp);
  }
}

/** How it ended, or why that is not known: the VM went away under it. */
async function endOf(exec: GuestExec): Promise<ExecEnd> {
  try {
    return await exec.exit;
  } catch (thrown) {
    const { code, message, hint } = toBangerError(thrown);
    return { error: { code, message, hint } };
  }
}

/** A stream that breaks has no more to say; why, `exit` tells. */
async function drain(readable: Readable, kind: number, channel: FrameChannel): Promise<void> {
  const chunks = (readable as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch(() => ({ done: true as const, value: undefined }));
    if (next.done === true) return;
    await channel.write({ kind, payload: next.value });
  }
}

/** Passes the client's input on; what comes for a command that reads no more is dropped. */
async function feed(stdin: Writable, { incoming }: FrameChannel): Promise<void> {
  stdin.on('error', () => undefined);
  let roomy = Promise.withResolvers<void>();
  const go = (): void => roomy.resolve();
  stdin.on('drain', go);
  stdin.on('close', go);
  for await (const { kind, payload } of incoming) {
    if (kind !== frameKind.stdin || stdin.destroyed || stdin.writableEnded) continue;
    if (payload.length === 0) stdin.end();
    else if (!stdin.write(payload)) {
      roomy = Promise.withResolvers<void>();
      // It may have been closed by the very write.
      if (!stdin.destroyed) await roomy.promise;
    }
  }
}
