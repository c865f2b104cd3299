import { once } from 'node:events';
import { PassThrough, Writable, duplexPair } from 'node:stream';
import { frameKind, MAX_FRAME_BYTES } from '@banger/contract/stream-frames';
import { FrameEncoder } from '@banger/rpc/frame-codec';
import pino from 'pino';
import { expect, test } from 'vitest';
import type { ExecEnd, GuestExec } from '../drivers/guest/driver.ts';
import { ExecSessions } from './exec-sessions.ts';
import { StreamOffers } from './streams.ts';

const format = { kinds: new Set<number>(Object.values(frameKind)), maxPayloadBytes: MAX_FRAME_BYTES };

/** A command that writes nothing and reads nothing, until it is given up. */
class Silent implements GuestExec {
  readonly pid = 1;
  readonly stdin = new Writable({ write: () => undefined });
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #end = Promise.withResolvers<ExecEnd>();
  readonly exit = this.#end.promise;
  aborted = false;

  signal = (): Promise<void> => Promise.resolve();
  resize = (): Promise<void> => Promise.resolve();

  abort(): void {
    this.aborted = true;
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.destroy();
    this.#end.reject(new Error('given up'));
  }
}

/** A silent command, promised to a client. */
function begun(callerGone: AbortSignal) {
  let open = 0;
  const streaming = (): (() => void) => ((open += 1), () => void (open -= 1));
  const streams = new StreamOffers({ streaming }, pino({ level: 'silent' }));
  const sessions = new ExecSessions(streams);
  const exec = new Silent();
  const { stream, session } = sessions.start(exec, callerGone);
  return { exec, streams, stream, known: () => sessions.get(session), open: () => open };
}

test('a command that takes no input is hung up when its client leaves: its own stream does not tell', async () => {
  const caller = new AbortController();
  const { exec, streams, stream, known, open } = begun(caller.signal);
  const [ours, theirs] = duplexPair();
  ours.on('error', () => undefined);
  theirs.on('error', () => undefined);
  streams.registry.take(stream)?.(ours);
  const encoder = new FrameEncoder(format);
  encoder.pipe(theirs);
  const payload = Buffer.alloc(60_000);
  while (encoder.write({ kind: frameKind.stdin, payload })) await new Promise(setImmediate);
  expect([exec.aborted, known(), open()]).toEqual([false, exec, 1]);

  caller.abort();
  await once(ours, 'close');
  await expect.poll(() => [exec.aborted, open()], { timeout: 2_000 }).toEqual([true, 0]);
  expect(known).toThrow('That command has ended.');
});

test('one whose client left before it was told of it is hung up at once', () => {
  const { exec, open } = begun(AbortSignal.abort());
  expect([exec.aborted, open()]).toEqual([true, 0]);
});
