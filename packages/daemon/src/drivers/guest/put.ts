import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { toBangerError } from '@banger/contract/error';
import type { GuestFileTarget, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { createRawInput } from './raw-input.ts';
import { awaitReply, cancelled, sendRequest, type AgentChannel, type AgentRequest } from './request.ts';
import { violation } from './violation.ts';

export const PutTag = { path: 1, mode: 2, uid: 3, gid: 4 } as const;

/** The reply comes after the last byte is on the guest's disk: a file of gigabytes under TCG takes minutes. */
const PUT_TIMEOUT_MS = 3_600_000;

/** Writes a file, whole or not at all (guest/PROTOCOL.md, put). */
export async function put(
  channel: AgentChannel,
  file: GuestFileTarget,
  content: Readable | Uint8Array,
  options: RequestOptions,
): Promise<void> {
  const request: AgentRequest = {
    timeoutMs: PUT_TIMEOUT_MS,
    ...options,
    type: MessageType.put,
    fields: putFields(file),
    name: 'put',
    what: `write ${file.path}`,
  };
  const stream = channel.open();
  sendRequest(stream, request);
  const input = createRawInput(stream, MessageType.data, { endMessage: true });
  const source = content instanceof Readable ? content : Readable.from([content]);
  const sending = pipeline(source, input).catch((error: unknown) => {
    // The agent forgets the unfinished file; the reply then fails with why the content ended.
    stream.reset(toBangerError(error));
  });
  try {
    await awaitReply(stream, request, () => undefined);
    if (!input.writableFinished) throw stream.refuse(violation('confirmed a file before its end'));
  } finally {
    source.destroy();
    input.destroy();
    await sending;
  }
  stream.release(cancelled('put'));
}

function putFields({ path, mode, uid, gid }: GuestFileTarget): FieldWriter {
  const fields = new FieldWriter().text(PutTag.path, path, 'file name');
  if (mode !== undefined) fields.u32(PutTag.mode, mode);
  if (uid !== undefined) fields.u32(PutTag.uid, uid);
  if (gid !== undefined) fields.u32(PutTag.gid, gid);
  return fields;
}
