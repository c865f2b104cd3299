import { join } from 'node:path';
import type { Accel, VmSpec } from '../driver.ts';

/** The sockets that QEMU listens on, in the VM's runtime directory; names are short because paths must be. */
export function socketsOf(dir: string): { readonly control: string; readonly agent: string } {
  return { control: join(dir, 'qmp.sock'), agent: join(dir, 'agent.sock') };
}

/** Name of the virtio-serial port that the agent looks for: `guest/PROTOCOL.md`. */
const AGENT_PORT = 'banger.agent';
/** What QEMU calls that port in its events. */
export const AGENT_PORT_ID = 'agent';

/**
 * What q35 has that no guest of ours uses is left out: firmware and kernel have less to find, and a guest less to attack.
 */
const MACHINE = 'q35,smm=off,vmport=off,hpet=off,sata=off,smbus=off,i8042=off,usb=off,graphics=off';

/**
 * Room for translated code, in MiB. The default is an eighth of the host's memory up to 1 GiB, for each VM; a boot
 * to the agent fills 43 MiB, and a buffer that is full is thrown away and filled again.
 */
const TRANSLATION_MIB = 256;

/**
 * The CPU that a guest sees. `host` under KVM: what the kernel was proved with. `max` under TCG: all that can be
 * translated; it boots as fast as the smallest model. But for `erms`, "enhanced rep movsb": the guest's kernel then copies
 * a byte at a time, which is as slow as it sounds when translated, and halves what the agent's port carries.
 */
function cpuOf(accel: Accel): string {
  return accel === 'kvm' ? 'host' : 'max,-erms';
}

/** The name that QEMU carries in its argv and answers `query-name` with. */
export function nameOf({ id, token }: Pick<VmSpec, 'id' | 'token'>): string {
  return `banger-${id}-${token}`;
}

/**
 * QEMU's arguments for a spec (QEMU 7.2, `docs/system/invocation`). Nothing comes from a default or a configuration
 * file; paths go in as JSON or with their commas doubled.
 */
export function qemuArgv(
  binary: string,
  spec: VmSpec,
  firmware: string | undefined,
): readonly [string, ...string[]] {
  const { control, agent } = socketsOf(spec.dir);
  return [
    binary,
    '-nodefaults',
    '-no-user-config',
    ...['-display', 'none'],
    ...['-name', `guest=${nameOf(spec)},process=banger-${spec.id},debug-threads=on`],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-msg', 'timestamp=on'],
    ...['-machine', MACHINE],
    ...['-accel', spec.accel === 'kvm' ? 'kvm' : `tcg,thread=multi,tb-size=${TRANSLATION_MIB}`],
    ...['-cpu', cpuOf(spec.accel)],
    ...['-smp', `cpus=${spec.vcpu},sockets=1,cores=${spec.vcpu},threads=1`],
    ...['-m', `size=${spec.memoryMib}M`],
    ...(firmware === undefined ? [] : ['-bios', firmware]),
    ...['-kernel', spec.kernel, '-initrd', spec.initrd, '-append', spec.cmdline],
    // A guest that ends is held, so that a daemon which was away can still ask how it ended.
    ...['-action', 'reboot=reset,shutdown=pause,panic=pause,watchdog=pause'],
    ...['-chardev', `socket,id=control,path=${escaped(control)},server=on,wait=off`],
    ...['-mon', 'chardev=control,mode=control'],
    ...['-chardev', `file,id=console,path=${escaped(spec.consoleLog)},append=on`],
    ...['-serial', 'chardev:console'],
    ...device({ driver: 'virtio-serial-pci', id: 'serial', 'disable-legacy': 'on', max_ports: 2 }),
    ...['-chardev', `socket,id=agent,path=${escaped(agent)},server=on,wait=off`],
    ...device({
      driver: 'virtserialport',
      id: AGENT_PORT_ID,
      bus: 'serial.0',
      chardev: 'agent',
      name: AGENT_PORT,
    }),
    ...device({ driver: 'virtio-rng-pci', 'disable-legacy': 'on' }),
    ...device({ driver: 'pvpanic-pci' }),
    ...spec.disks.flatMap(disk),
    ...nic(spec),
  ];
}

function disk({ serial, path, format, readOnly = false }: VmSpec['disks'][number]): string[] {
  const node = {
    driver: format,
    'node-name': nodeOf(serial),
    'read-only': readOnly,
    discard: 'unmap',
    'detect-zeroes': readOnly ? 'off' : 'unmap',
    file: { driver: 'file', filename: path, 'read-only': readOnly, discard: 'unmap' },
  };
  return [
    ...['-blockdev', JSON.stringify(node)],
    ...device({
      driver: 'virtio-blk-pci',
      id: `disk-${serial}`,
      drive: nodeOf(serial),
      serial,
      'disable-legacy': 'on',
      // A full host stops the guest until there is room, instead of breaking its file system.
      werror: 'enospc',
      rerror: 'report',
    }),
  ];
}

/** Name of a disk's node in QEMU's block layer. */
export function nodeOf(serial: string): string {
  return `node-${serial}`;
}

/** The serial of a node, or undefined when it is none of ours. */
export function serialOf(node: string): string | undefined {
  return node.startsWith('node-') ? node.slice('node-'.length) : undefined;
}

function nic({ network }: VmSpec): string[] {
  if (network.kind === 'none') return ['-nic', 'none'];
  // QEMU listens, so that neither it nor who carries the frames has to wait for the other to start.
  const netdev = { type: 'stream', id: 'net', server: true, addr: { type: 'unix', path: network.socket } };
  return [
    ...['-netdev', JSON.stringify(netdev)],
    // Without a ROM: nothing boots from the network, and loading one takes time.
    ...device({
      driver: 'virtio-net-pci',
      netdev: 'net',
      mac: network.mac,
      'disable-legacy': 'on',
      romfile: '',
    }),
  ];
}

function device(options: Readonly<Record<string, string | number>>): string[] {
  return ['-device', JSON.stringify(options)];
}

/** A value of a comma-separated option. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
