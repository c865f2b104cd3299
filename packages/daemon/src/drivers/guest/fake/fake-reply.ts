import { FieldWriter } from '../fields.ts';
import type { MessageStream } from '../message-stream.ts';
import { MessageType } from '../message-types.ts';
import { ErrorTag } from '../reply-error.ts';

/** Answers with an error and ends the stream. */
export function refuse(stream: MessageStream, reason: number, errno: number, text: string): void {
  const fields = new FieldWriter()
    .u32(ErrorTag.errno, errno)
    .text(ErrorTag.text, text, 'reason')
    .u32(ErrorTag.reason, reason);
  stream.send(MessageType.error, fields.encode());
  stream.end();
}

/** Answers with `ok` and ends the stream. */
export function ok(stream: MessageStream, fields = new FieldWriter()): void {
  stream.send(MessageType.ok, fields.encode());
  stream.end();
}
