import type { GuestEvent, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { replyError } from './reply-error.ts';
import { cancelled, sendRequest, type AgentChannel } from './request.ts';
import { violation } from './violation.ts';

export const EventTag = { name: 1, detail: 2 } as const;

/** What happens in the guest (guest/PROTOCOL.md, events); what is not asked for waits in the stream's window. */
export async function* events(
  channel: AgentChannel,
  { signal }: Pick<RequestOptions, 'signal'>,
): AsyncGenerator<GuestEvent, void, void> {
  const stream = channel.open();
  const giveUp = (): void => stream.reset(cancelled('events'));
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  sendRequest(stream, {
    type: MessageType.events,
    fields: new FieldWriter(),
    name: 'events',
    what: 'tell its events',
  });
  try {
    for (;;) {
      const { type, payload } = await stream.next();
      if (type === MessageType.error)
        throw stream.fields(payload, 'an error', (fields) => replyError(fields, 'tell its events'));
      if (type !== MessageType.event)
        throw stream.refuse(violation(`sent a message of type ${type} as an event`));
      yield stream.fields(payload, 'an event', (fields) => ({
        name: fields.required(fields.text(EventTag.name), 'its name'),
        detail: fields.text(EventTag.detail) ?? '',
      }));
    }
  } finally {
    signal?.removeEventListener('abort', giveUp);
    stream.reset(cancelled('events'));
  }
}
