import type { RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { ask, type AgentChannel } from './request.ts';

export const ClockTag = { time: 1 } as const;

/** The guest's clock, nanoseconds since 1970, as it claims (guest/PROTOCOL.md, clock). */
export function clock(channel: AgentChannel, options: RequestOptions): Promise<bigint> {
  return ask(
    channel,
    { ...options, type: MessageType.clock, fields: new FieldWriter(), name: 'clock', what: 'tell the time' },
    (reply) => reply.required(reply.integer(ClockTag.time), 'the time'),
  );
}
