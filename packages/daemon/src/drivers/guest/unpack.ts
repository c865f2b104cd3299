import type { Readable } from 'node:stream';
import type { RequestOptions, UnpackTarget } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import type { AgentChannel } from './request.ts';
import { sendBody } from './send-body.ts';

export const UnpackTag = { path: 1, name: 2, into: 3 } as const;

/** The longest that a timer takes: a pipe that feeds a copy may be at it for days, and its end is known by other means. */
const UNPACK_TIMEOUT_MS = 2_147_483_647;

/** Writes a file or tree (guest/PROTOCOL.md, unpack). */
export async function unpack(
  channel: AgentChannel,
  { path, name, into }: UnpackTarget,
  tree: Readable,
  options: RequestOptions,
): Promise<void> {
  const fields = new FieldWriter().text(UnpackTag.path, path, 'path');
  if (name !== undefined) fields.text(UnpackTag.name, name, 'name');
  if (into) fields.flag(UnpackTag.into);
  const request = { type: MessageType.unpack, fields, name: 'unpack', what: `write to ${path}` };
  await sendBody(channel, { timeoutMs: UNPACK_TIMEOUT_MS, ...options, ...request }, tree);
}
