import type { Readable } from 'node:stream';
import type { GuestFileTarget, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import type { AgentChannel, AgentRequest } from './request.ts';
import { sendBody } from './send-body.ts';

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
  await sendBody(channel, request, content);
}

function putFields({ path, mode, uid, gid }: GuestFileTarget): FieldWriter {
  const fields = new FieldWriter().text(PutTag.path, path, 'file name');
  if (mode !== undefined) fields.u32(PutTag.mode, mode);
  if (uid !== undefined) fields.u32(PutTag.uid, uid);
  if (gid !== undefined) fields.u32(PutTag.gid, gid);
  return fields;
}
