import type { Readable } from 'node:stream';
import { toBangerError } from '@banger/contract/error';
import type { MessageStream } from './message-stream.ts';
import { MessageType } from './message-types.ts';
import { RawOutput } from './raw-output.ts';
import { replyError } from './reply-error.ts';
import { cancelled, type AgentRequest } from './request.ts';
import { violation } from './violation.ts';

/**
 * The `data` messages that answer a request, up to the empty one at their end. Errors with what the agent says when it could not go
 * on, and with `cancelled` when the request's signal fires.
 */
export function dataContent(
  stream: MessageStream,
  { name, what, signal }: Pick<AgentRequest, 'name' | 'what' | 'signal'>,
): Readable {
  let over = false;
  let pumping = false;
  const output = new RawOutput(() => pump());
  const step = (): boolean => {
    if (output.readable.destroyed) return finish();
    const head = stream.head();
    if (head === undefined) return ending();
    if (head.type === MessageType.error) return failing();
    if (head.type !== MessageType.data)
      throw stream.refuse(violation(`sent a message of type ${head.type} in a body`));
    if (head.length === 0) {
      output.end();
      return finish();
    }
    if (!output.wanted) return false;
    const part = stream.part();
    if (part === undefined) return ending();
    output.push(part);
    return true;
  };
  const failing = (): false => {
    const payload = stream.payload();
    if (payload === undefined) return ending();
    throw stream.fields(payload, 'an error', (fields) => replyError(fields, what));
  };
  const ending = (): false => {
    if (stream.failure !== undefined) throw stream.failure;
    if (stream.ended) throw stream.refuse(violation('ended a body without its end'));
    return false;
  };
  const finish = (): false => {
    over = true;
    signal?.removeEventListener('abort', giveUp);
    stream.release(cancelled(name));
    return false;
  };
  const pump = (): void => {
    if (pumping || over) return;
    pumping = true;
    try {
      while (step());
    } catch (error) {
      output.fail(toBangerError(error));
      finish();
    } finally {
      pumping = false;
    }
  };
  const giveUp = (): void => output.fail(cancelled(name));
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  stream.onReadable = pump;
  pump();
  return output.readable;
}
