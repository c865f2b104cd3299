import { BangerError } from '@banger/contract/error';
import { addressBytes, macBytes } from './address.ts';
import type { GuestAddress, GuestConfiguration, GuestFile, RequestOptions } from './driver.ts';
import { FieldWriter } from './fields.ts';
import { MessageType } from './message-types.ts';
import { ask, type AgentChannel } from './request.ts';
import { guestText } from './wire-text.ts';

export const ConfigureTag = {
  hostname: 0x01,
  time: 0x02,
  entropy: 0x03,
  machineId: 0x04,
  mac: 0x05,
  ipv4: 0x06,
  ipv6: 0x07,
  dns: 0x08,
  hosts: 0x09,
  file: 0x0a,
  env: 0x0b,
  grow: 0x0c,
  mtu: 0x0d,
} as const;
export const FileTag = { path: 1, mode: 2, uid: 3, gid: 4, content: 5 } as const;
export const WarningTag = { warning: 1 } as const;

/** Growing a file system is the slow part: seconds for a disk of hundreds of gigabytes, more under TCG. */
const CONFIGURE_TIMEOUT_MS = 120_000;
/** More warnings than a configuration has things to fail. */
const MAX_WARNINGS = 1024;
const MIN_ENTROPY_BYTES = 32;
const MAX_ENTROPY_BYTES = 512;
const DEFAULT_FILE_MODE = 0o644;

/** Gives the guest its identity (guest/PROTOCOL.md, configure). */
export function configure(
  channel: AgentChannel,
  configuration: GuestConfiguration,
  options: RequestOptions,
): Promise<{ readonly warnings: readonly string[] }> {
  return ask(
    channel,
    {
      timeoutMs: CONFIGURE_TIMEOUT_MS,
      ...options,
      type: MessageType.configure,
      fields: configurationFields(configuration),
      name: 'configure',
      what: 'be configured',
    },
    (reply) => ({ warnings: reply.list(WarningTag.warning, MAX_WARNINGS).map(guestText) }),
  );
}

function configurationFields(configuration: GuestConfiguration): FieldWriter {
  const { hostname, timeNs, entropy, machineId, mac, ipv4, ipv6, mtu } = configuration;
  const fields = new FieldWriter();
  if (hostname !== undefined) fields.text(ConfigureTag.hostname, hostname, 'host name');
  if (timeNs !== undefined) fields.u64(ConfigureTag.time, timeNs);
  if (entropy !== undefined) fields.bytes(ConfigureTag.entropy, checkedEntropy(entropy));
  if (machineId !== undefined) fields.text(ConfigureTag.machineId, checkedMachineId(machineId), 'machine id');
  if (mac !== undefined) fields.bytes(ConfigureTag.mac, macBytes(mac));
  if (ipv4 !== undefined) fields.bytes(ConfigureTag.ipv4, interfaceBytes(ipv4, '0.0.0.0'));
  if (ipv6 !== undefined) fields.bytes(ConfigureTag.ipv6, interfaceBytes(ipv6, '::'));
  for (const address of configuration.dns ?? []) {
    addressBytes(address);
    fields.text(ConfigureTag.dns, address, 'name server');
  }
  for (const line of configuration.hosts ?? []) fields.text(ConfigureTag.hosts, line, 'line for /etc/hosts');
  for (const file of configuration.files ?? []) fields.nested(ConfigureTag.file, fileFields(file));
  for (const [name, value] of Object.entries(configuration.env ?? {}))
    fields.text(ConfigureTag.env, `${name}=${value}`, `environment variable ${name}`);
  if (configuration.grow === true) fields.flag(ConfigureTag.grow);
  if (mtu !== undefined) fields.u32(ConfigureTag.mtu, mtu);
  return fields;
}

function fileFields({ path, mode = DEFAULT_FILE_MODE, uid = 0, gid = 0, content }: GuestFile): FieldWriter {
  return new FieldWriter()
    .text(FileTag.path, path, 'file name')
    .u32(FileTag.mode, mode)
    .u32(FileTag.uid, uid)
    .u32(FileTag.gid, gid)
    .bytes(FileTag.content, content);
}

/** Address, prefix length, gateway; both addresses of one family. */
function interfaceBytes({ address, prefixLength, gateway }: GuestAddress, none: string): Uint8Array {
  const length = addressBytes(none).length;
  const [own, via] = [addressBytes(address), addressBytes(gateway ?? none)];
  if (own.length !== length || via.length !== length)
    throw new BangerError(
      'invalid_argument',
      `${address} and its gateway ${gateway ?? none} are not of the family of ${none}.`,
    );
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > length * 8)
    throw new BangerError('invalid_argument', `${prefixLength} is no prefix length for ${address}.`);
  return Buffer.concat([own, Uint8Array.of(prefixLength), via]);
}

function checkedEntropy(entropy: Uint8Array): Uint8Array {
  if (entropy.length < MIN_ENTROPY_BYTES || entropy.length > MAX_ENTROPY_BYTES)
    throw new BangerError('internal', `Entropy for a guest has ${entropy.length} bytes.`);
  return entropy;
}

function checkedMachineId(id: string): string {
  if (!/^[0-9a-f]{32}$/.test(id)) throw new BangerError('invalid_argument', `${id} is no machine id.`);
  return id;
}
