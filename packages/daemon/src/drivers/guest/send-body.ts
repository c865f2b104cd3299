import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { toBangerError } from '@banger/contract/error';
import { MessageType } from './message-types.ts';
import { createRawInput } from './raw-input.ts';
import { awaitReply, cancelled, sendRequest, type AgentChannel, type AgentRequest } from './request.ts';
import { violation } from './violation.ts';

/**
 * Sends a request with a body of `data` messages, and waits for the reply, which comes after all of it or tells why the agent takes no
 * more. Content that errors is never taken for whole: the agent forgets it, and the reply then fails with that error.
 */
export async function sendBody(
  channel: AgentChannel,
  request: AgentRequest,
  content: Readable | Uint8Array,
): Promise<void> {
  const stream = channel.open();
  sendRequest(stream, request);
  const input = createRawInput(stream, MessageType.data, { endMessage: true });
  const source = content instanceof Readable ? content : Readable.from([content]);
  const sending = pipeline(source, input).catch((error: unknown) => stream.reset(toBangerError(error)));
  try {
    await awaitReply(stream, request, () => undefined);
    if (!input.writableFinished) throw stream.refuse(violation(`confirmed ${request.name} before its end`));
  } finally {
    source.destroy();
    input.destroy();
    await sending;
  }
  stream.release(cancelled(request.name));
}
