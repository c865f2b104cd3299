import { dataContent } from './data-content.ts';
import type { GuestFileContent, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { converse, type AgentChannel } from './request.ts';

export const GetTag = { path: 1 } as const;
export const GotTag = { mode: 1, uid: 2, gid: 3, size: 4 } as const;

/** The permission bits of a mode; the guest's file type bits mean nothing here. */
const MODE_BITS = 0o7777;

/** Reads a regular file (guest/PROTOCOL.md, get). */
export async function get(
  channel: AgentChannel,
  path: string,
  options: RequestOptions,
): Promise<GuestFileContent> {
  const fields = new FieldWriter().text(GetTag.path, path, 'file name');
  const request = { ...options, type: MessageType.get, fields, name: 'get', what: `read ${path}` };
  const { stream, reply } = await converse(channel, request, (got) => ({
    mode: got.required(got.number(GotTag.mode), 'the mode') & MODE_BITS,
    uid: got.required(got.number(GotTag.uid), 'the user'),
    gid: got.required(got.number(GotTag.gid), 'the group'),
    size: got.required(got.number(GotTag.size), 'the size'),
  }));
  return { ...reply, content: dataContent(stream, request) };
}
