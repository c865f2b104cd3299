import { BangerError } from '@banger/contract/error';
import type { RequestOptions } from './driver.ts';
import { checkRequestSize, type FieldReader, type FieldWriter } from './fields.ts';
import { maxPayload, type MessageStream } from './message-stream.ts';
import { MessageType } from './message-types.ts';
import { replyError } from './reply-error.ts';
import { violation } from './violation.ts';

/** An agent answers within milliseconds; under TCG on a loaded host its process may not run for seconds. */
const REPLY_TIMEOUT_MS = 30_000;

/** Where streams come from. */
export interface AgentChannel {
  /** A stream for one request. Throws `agent_lost` or `agent_limit`. */
  open(): MessageStream;
}

/** What is asked of the agent. */
export interface AgentRequest extends RequestOptions {
  readonly type: number;
  readonly fields: FieldWriter;
  /** Name of the request, as the probe that did not answer. */
  readonly name: string;
  /** What it does, for messages: "The guest cannot …". */
  readonly what: string;
  /** Type of the reply; `ok` unless told. */
  readonly replyType?: number;
}

/** A request whose one reply is all; its stream ends with it. */
export async function ask<T>(
  channel: AgentChannel,
  request: AgentRequest,
  read: (reply: FieldReader) => T,
): Promise<T> {
  const stream = channel.open();
  sendRequest(stream, request);
  stream.end();
  const reply = await awaitReply(stream, request, read);
  stream.release(cancelled(request.name));
  return reply;
}

/** A request whose stream stays in use after the reply. The stream is given up when it rejects. */
export async function converse<T>(
  channel: AgentChannel,
  request: AgentRequest,
  read: (reply: FieldReader) => T,
): Promise<{ readonly stream: MessageStream; readonly reply: T }> {
  const stream = channel.open();
  sendRequest(stream, request);
  return { stream, reply: await awaitReply(stream, request, read) };
}

/** Sends the request of a stream. Throws `invalid_argument`, and gives the stream up, when it is too long. */
export function sendRequest(stream: MessageStream, { type, fields, name }: AgentRequest): void {
  const payload = fields.encode();
  try {
    checkRequestSize(payload, maxPayload(type), `${name} request`);
  } catch (error) {
    stream.reset(cancelled(name));
    throw error;
  }
  stream.send(type, payload);
}

/** Waits for the reply; resets the stream when it is an error, does not come in time, or the call is cancelled. */
export async function awaitReply<T>(
  stream: MessageStream,
  request: AgentRequest,
  read: (reply: FieldReader) => T,
): Promise<T> {
  const { name, what, signal, timeoutMs = REPLY_TIMEOUT_MS } = request;
  const giveUp = (): void => stream.reset(cancelled(name));
  const timer = setTimeout(() => stream.reset(noAnswer(name, timeoutMs)), timeoutMs);
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  try {
    const { type, payload } = await stream.next();
    if (type === MessageType.error)
      throw stream.fields(payload, 'an error', (fields) => replyError(fields, what));
    if (type !== (request.replyType ?? MessageType.ok))
      throw stream.refuse(violation(`answered ${name} with a message of type ${type}`));
    return stream.fields(payload, `the answer to ${name}`, read);
  } catch (error) {
    stream.reset(cancelled(name));
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

/** The error of a request that the agent did not answer in time. */
export function noAnswer(name: string, timeoutMs: number): BangerError {
  return new BangerError(
    'agent_not_ready',
    `The guest agent did not answer ${name} within ${timeoutMs / 1000} s.`,
    {
      details: { probe: name },
    },
  );
}

/** The error of a request that its caller gave up. */
export function cancelled(name: string): BangerError {
  return new BangerError('cancelled', `The ${name} in the guest was cancelled.`);
}
