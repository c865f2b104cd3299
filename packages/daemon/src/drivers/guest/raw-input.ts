import { Writable } from 'node:stream';
import type { MessageStream } from './message-stream.ts';
import { guard } from './raw-output.ts';

const EMPTY = new Uint8Array(0);

/** A Writable whose bytes go out as raw messages of one type; it accepts more as the guest's window lets them leave. */
export function createRawInput(
  stream: MessageStream,
  type: number,
  options: { readonly endMessage: boolean },
): Writable {
  const input = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => stream.sendRaw(type, chunk, done),
    final: (done) => {
      if (options.endMessage) stream.send(type, EMPTY, done);
      else done();
    },
  });
  guard(input);
  return input;
}
