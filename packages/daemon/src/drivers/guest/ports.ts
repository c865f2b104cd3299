import { addressText } from './address.ts';
import type { GuestPort, RequestOptions } from './driver.ts';
import { FieldWriter, type FieldReader } from './fields.ts';
import { MessageType } from './message-types.ts';
import { ask, type AgentChannel } from './request.ts';
import { violation } from './violation.ts';

export const PortsTag = { port: 1 } as const;
export const PortTag = { protocol: 1, address: 2, port: 3, pid: 4, program: 5 } as const;

const MAX_PORTS = 1024;
const MAX_PORT = 65_535;
const PROTOCOLS = new Map([
  [1, 'tcp'],
  [2, 'udp'],
] as const);

/** Sockets that programs in the guest listen on, as it claims (guest/PROTOCOL.md, ports). */
export function ports(channel: AgentChannel, options: RequestOptions): Promise<readonly GuestPort[]> {
  return ask(
    channel,
    { ...options, type: MessageType.ports, fields: new FieldWriter(), name: 'ports', what: 'list its ports' },
    (reply) => reply.nested(PortsTag.port, MAX_PORTS).map(readPort),
  );
}

function readPort(fields: FieldReader): GuestPort {
  const protocol = PROTOCOLS.get(fields.required(fields.number(PortTag.protocol), 'a protocol') as 1 | 2);
  const address = addressText(fields.required(fields.bytes(PortTag.address), 'an address'));
  const port = fields.required(fields.number(PortTag.port), 'a port');
  if (protocol === undefined || address === undefined || port < 1 || port > MAX_PORT)
    throw violation('sent a port that cannot be', { protocol, address, port });
  const pid = fields.number(PortTag.pid);
  const program = fields.text(PortTag.program);
  return {
    protocol,
    address,
    port,
    ...(pid === undefined ? {} : { pid }),
    ...(program === undefined ? {} : { program }),
  };
}
