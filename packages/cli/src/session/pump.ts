import type { Readable, Writable } from 'node:stream';
import type { Input, Output } from '../machine.ts';
import { isBrokenPipe, outputError } from '../output-error.ts';

/**
 * Copies a session's output until it ends and everything is written. When nobody reads the target any more, `onBroken`
 * is called once and the rest is thrown away, so that the session can end. A target that fails otherwise is the caller's error.
 */
export function pumpOut(source: Readable, target: Output, onBroken: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let broken = false;
    const onError = (error: Error): void => {
      if (broken) return;
      if (!isBrokenPipe(error)) reject(outputError(error));
      broken = true;
      source.unpipe(target);
      source.resume();
      onBroken();
    };
    const finish = (): void => {
      target.off('error', onError);
      resolve();
    };
    target.on('error', onError);
    source.on('error', (error) => {
      target.off('error', onError);
      reject(error);
    });
    // However the source ends, what it gave before may still wait for whoever reads the target; our exit would drop it.
    const settle = (): void => {
      if (broken) finish();
      else
        target.write('', (error) => {
          if (error) onError(error);
          finish();
        });
    };
    source.on('end', settle);
    source.on('close', settle);
    source.pipe(target, { end: false });
  });
}

/**
 * Copies the program's input into a session, and ends the session's input when ours ends or breaks. A command that
 * stops reading is no error. The returned function stops the copying and lets go of the input.
 */
export function pumpIn(stdin: Input, sink: Writable): () => void {
  const endSink = (): void => void sink.end();
  stdin.on('error', endSink);
  sink.on('error', () => stdin.unpipe(sink));
  sink.on('close', () => stdin.unpipe(sink));
  stdin.pipe(sink);
  return () => {
    stdin.unpipe(sink);
    stdin.off('error', endSink);
    stdin.pause();
  };
}
