import type { Duplex } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import { dataDuplex } from './data-duplex.ts';
import type { DialTarget, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { converse, type AgentChannel } from './request.ts';

export const DialTag = { kind: 1, host: 2, port: 3 } as const;
export const DialKind = { tcp: 1, udp: 2, unix: 3 } as const;

const MAX_PORT = 65_535;

/** Connects from within the guest (guest/PROTOCOL.md, dial). */
export async function dial(
  channel: AgentChannel,
  target: DialTarget,
  options: RequestOptions,
): Promise<Duplex> {
  const name = target.kind === 'unix' ? target.path : `${target.host}:${target.port}`;
  const { stream } = await converse(
    channel,
    {
      ...options,
      type: MessageType.dial,
      fields: dialFields(target),
      name: 'dial',
      what: `connect to ${name}`,
    },
    () => undefined,
  );
  return dataDuplex(stream, target.kind === 'udp');
}

function dialFields(target: DialTarget): FieldWriter {
  const fields = new FieldWriter().u8(DialTag.kind, DialKind[target.kind]);
  if (target.kind === 'unix') return fields.text(DialTag.host, target.path, 'socket path');
  if (!Number.isInteger(target.port) || target.port < 1 || target.port > MAX_PORT)
    throw new BangerError('invalid_argument', `${target.port} is no port number.`);
  return fields.text(DialTag.host, target.host, 'address').u16(DialTag.port, target.port);
}
