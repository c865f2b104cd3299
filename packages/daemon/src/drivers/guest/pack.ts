import type { Readable } from 'node:stream';
import { dataContent } from './data-content.ts';
import type { PackRequest, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { converse, type AgentChannel } from './request.ts';

export const PackTag = { path: 1, follow: 2 } as const;

/** Reads a file or tree (guest/PROTOCOL.md, pack). */
export async function pack(
  channel: AgentChannel,
  { path, follow }: PackRequest,
  options: RequestOptions,
): Promise<Readable> {
  const fields = new FieldWriter().text(PackTag.path, path, 'path');
  if (follow) fields.flag(PackTag.follow);
  const request = { ...options, type: MessageType.pack, fields, name: 'pack', what: `read ${path}` };
  const { stream } = await converse(channel, request, () => undefined);
  return dataContent(stream, request);
}
