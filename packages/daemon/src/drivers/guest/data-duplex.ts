import { Duplex } from 'node:stream';
import { BangerError, toBangerError } from '@banger/contract/error';
import { MAX_RAW_BYTES } from './limits.ts';
import type { MessageStream } from './message-stream.ts';
import { MessageType } from './message-types.ts';
import { guard } from './raw-output.ts';
import { cancelled } from './request.ts';
import { violation } from './violation.ts';

const EMPTY = new Uint8Array(0);

/**
 * Both directions of a stream of `data` messages as a Duplex, an empty message being a half close. With `datagrams` each
 * chunk is a message of its own.
 */
export function dataDuplex(stream: MessageStream, datagrams: boolean): Duplex {
  let wanted = false;
  let theirEnd = false;
  let pumping = false;

  const duplex = new Duplex({
    objectMode: datagrams,
    allowHalfOpen: true,
    read: () => {
      wanted = true;
      pump();
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      if (datagrams && (chunk.length === 0 || chunk.length > MAX_RAW_BYTES))
        done(new BangerError('invalid_argument', `A datagram of ${chunk.length} bytes cannot be sent.`));
      else stream.sendRaw(MessageType.data, chunk, done);
    },
    final: (done) => stream.send(MessageType.data, EMPTY, done),
    destroy: (error, done) => {
      stream.reset(cancelled('connection'));
      done(error);
    },
  });
  guard(duplex);

  const step = (): boolean => {
    if (duplex.destroyed || theirEnd) return false;
    const head = stream.head();
    if (head === undefined) return ending();
    if (head.type !== MessageType.data)
      throw stream.refuse(violation(`sent a message of type ${head.type} on a connection`));
    if (head.length === 0) {
      stream.payload();
      theirEnd = true;
      duplex.push(null);
      return false;
    }
    if (!wanted) return false;
    const part = datagrams ? stream.payload() : stream.part();
    if (part === undefined) return ending();
    wanted = false;
    if (duplex.push(part)) wanted = true;
    return true;
  };
  const ending = (): false => {
    if (stream.failure !== undefined) throw stream.failure;
    if (stream.ended) throw new BangerError('guest_failed', 'The connection in the guest was reset.');
    return false;
  };
  const pump = (): void => {
    if (pumping) return;
    pumping = true;
    try {
      while (step());
    } catch (error) {
      duplex.destroy(toBangerError(error));
    } finally {
      pumping = false;
    }
  };

  stream.onReadable = pump;
  pump();
  return duplex;
}
