import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { VmSpec } from '../driver.ts';
import { qemuArgv } from './argv.ts';
import { readArgv } from './read-argv.ts';

const spec: VmSpec = {
  id: '0123456789ab',
  token: 'f'.repeat(32),
  dir: '/run/vm,1',
  accel: 'tcg',
  vcpu: 2,
  memoryMib: 1024,
  kernel: '/k/vmlinux',
  initrd: '/k/initramfs.img',
  cmdline: 'console=ttyS0 quiet, please',
  disks: [
    { serial: 'root', path: '/vm/"root",1.qcow2', format: 'qcow2' },
    { serial: 'seed', path: '/vm/seed.img', format: 'raw', readOnly: true },
  ],
  network: { kind: 'stream', socket: '/run/vm,1/net.sock', mac: '02:00:00:00:00:01' },
  consoleLog: '/vm/console,1.log',
  vmmLog: '/vm/vmm.log',
};

it('is exactly this for a VM with disks and a network, whatever its paths hold', () => {
  expect(qemuArgv('/usr/bin/qemu-system-x86_64', spec, 'qboot.rom')).toEqual([
    '/usr/bin/qemu-system-x86_64',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-name',
    `guest=banger-0123456789ab-${'f'.repeat(32)},process=banger-0123456789ab,debug-threads=on`,
    '-sandbox',
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-msg',
    'timestamp=on',
    '-machine',
    'q35,smm=off,vmport=off,hpet=off,sata=off,smbus=off,i8042=off,usb=off,graphics=off',
    '-accel',
    'tcg,thread=multi,tb-size=256',
    '-cpu',
    'max,-erms',
    '-smp',
    'cpus=2,sockets=1,cores=2,threads=1',
    '-m',
    'size=1024M',
    '-bios',
    'qboot.rom',
    '-kernel',
    '/k/vmlinux',
    '-initrd',
    '/k/initramfs.img',
    '-append',
    'console=ttyS0 quiet, please',
    '-action',
    'reboot=reset,shutdown=pause,panic=pause,watchdog=pause',
    '-chardev',
    'socket,id=control,path=/run/vm,,1/qmp.sock,server=on,wait=off',
    '-mon',
    'chardev=control,mode=control',
    '-chardev',
    'file,id=console,path=/vm/console,,1.log,append=on',
    '-serial',
    'chardev:console',
    '-device',
    '{"driver":"virtio-serial-pci","id":"serial","disable-legacy":"on","max_ports":2}',
    '-chardev',
    'socket,id=agent,path=/run/vm,,1/agent.sock,server=on,wait=off',
    '-device',
    '{"driver":"virtserialport","id":"agent","bus":"serial.0","chardev":"agent","name":"banger.agent"}',
    '-device',
    '{"driver":"virtio-rng-pci","disable-legacy":"on"}',
    '-device',
    '{"driver":"pvpanic-pci"}',
    '-blockdev',
    '{"driver":"qcow2","node-name":"node-root","read-only":false,"discard":"unmap","detect-zeroes":"unmap",' +
      '"file":{"driver":"file","filename":"/vm/\\"root\\",1.qcow2","read-only":false,"discard":"unmap"}}',
    '-device',
    '{"driver":"virtio-blk-pci","id":"disk-root","drive":"node-root","serial":"root","disable-legacy":"on",' +
      '"werror":"enospc","rerror":"report"}',
    '-blockdev',
    '{"driver":"raw","node-name":"node-seed","read-only":true,"discard":"unmap","detect-zeroes":"off",' +
      '"file":{"driver":"file","filename":"/vm/seed.img","read-only":true,"discard":"unmap"}}',
    '-device',
    '{"driver":"virtio-blk-pci","id":"disk-seed","drive":"node-seed","serial":"seed","disable-legacy":"on",' +
      '"werror":"enospc","rerror":"report"}',
    '-netdev',
    '{"type":"stream","id":"net","server":true,"addr":{"type":"unix","path":"/run/vm,1/net.sock"}}',
    '-device',
    '{"driver":"virtio-net-pci","netdev":"net","mac":"02:00:00:00:00:01","disable-legacy":"on","romfile":""}',
  ]);
});

it('has no NIC without a network, the host CPU under KVM, and the default firmware where there is no other', () => {
  const argv = qemuArgv('qemu', { ...spec, accel: 'kvm', network: { kind: 'none' } }, undefined).join(' ');
  expect(argv).toContain('-accel kvm -cpu host');
  expect(argv).toContain('-nic none');
  expect(argv).not.toMatch(/-netdev|virtio-net|-bios|tcg/);
});

it('is read back, whatever the id and the path of the console', () => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
  const token = fc.stringMatching(/^[a-z0-9]{16,32}$/);
  const path = fc.string({ minLength: 1 }).map((text) => `/${text.replaceAll('\0', '')}`);
  fc.assert(
    fc.property(name, token, path, (id, unguessable, consoleLog) => {
      const facts = { id, token: unguessable, consoleLog };
      expect(readArgv(qemuArgv('/usr/bin/qemu', { ...spec, ...facts }, undefined))).toEqual(facts);
    }),
  );
});
