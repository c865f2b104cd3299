import { toBangerError } from '@banger/contract/error';
import type { GuestFileContent, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import type { MessageStream } from './message-stream.ts';
import { MessageType } from './message-types.ts';
import { RawOutput } from './raw-output.ts';
import { cancelled, converse, type AgentChannel } from './request.ts';
import { violation } from './violation.ts';

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
  const { stream, reply } = await converse(
    channel,
    { ...options, type: MessageType.get, fields, name: 'get', what: `read ${path}` },
    (got) => ({
      mode: got.required(got.number(GotTag.mode), 'the mode') & MODE_BITS,
      uid: got.required(got.number(GotTag.uid), 'the user'),
      gid: got.required(got.number(GotTag.gid), 'the group'),
      size: got.required(got.number(GotTag.size), 'the size'),
    }),
  );
  return { ...reply, content: dataContent(stream, options.signal) };
}

function dataContent(stream: MessageStream, signal: AbortSignal | undefined): GuestFileContent['content'] {
  let over = false;
  let pumping = false;
  const output = new RawOutput(() => pump());
  const step = (): boolean => {
    if (output.readable.destroyed) return finish();
    const head = stream.head();
    if (head === undefined) return ending();
    if (head.type !== MessageType.data)
      throw stream.refuse(violation(`sent a message of type ${head.type} in a file`));
    if (head.length === 0) {
      output.end();
      return finish();
    }
    if (!output.wanted) return false;
    const part = stream.part();
    if (part === undefined) return ending();
    output.push(part);
    return true;
  };
  const ending = (): false => {
    if (stream.failure !== undefined) throw stream.failure;
    if (stream.ended) throw stream.refuse(violation('ended a file without its end'));
    return false;
  };
  const finish = (): false => {
    over = true;
    signal?.removeEventListener('abort', giveUp);
    stream.release(cancelled('get'));
    return false;
  };
  const pump = (): void => {
    if (pumping || over) return;
    pumping = true;
    try {
      while (step());
    } catch (error) {
      output.fail(toBangerError(error));
      finish();
    } finally {
      pumping = false;
    }
  };
  const giveUp = (): void => output.fail(cancelled('get'));
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted === true) giveUp();
  stream.onReadable = pump;
  pump();
  return output.readable;
}
