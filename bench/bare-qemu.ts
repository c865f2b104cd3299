import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmSpec as Guest } from '@banger/contract/vm';
import { createQcow2Disks } from '../packages/daemon/src/drivers/disk/qcow2/disks.ts';
import type { Accel, VmSpec } from '../packages/daemon/src/drivers/vmm/driver.ts';
import { qemuArgv } from '../packages/daemon/src/drivers/vmm/qemu/argv.ts';
import type { QemuProgram } from '../packages/daemon/src/drivers/vmm/qemu/launch.ts';
import { createRunner } from '../packages/daemon/src/host/execa-runner.ts';
import { kernelCommandLine } from '../packages/daemon/src/services/vm/kernel-command-line.ts';

/** How a bare QEMU is started. */
export type Arguments = (spec: VmSpec) => readonly string[];

const HELLO = Buffer.from('banger-hello-v1\n');
const ANSWER = Buffer.from('banger-agent-v1\n');
/** QEMU makes its socket some 30 ms after its start. */
const CONNECT_POLL_MS = 2;
const HELLO_INTERVAL_MS = 1_000;
const disks = createQcow2Disks(createRunner());
const MAC = '02:00:00:00:00:01';

/** Every argument that banger gives, with QEMU's own user-mode network where banger has a process beside it. */
export function tuned(qemu: QemuProgram): Arguments {
  return (spec) =>
    qemuArgv(qemu.binary, spec, qemu.firmware).map((word, index, all) =>
      all[index - 1] === '-netdev' ? 'user,id=net' : word,
    );
}

/** What somebody writes who knows QEMU and has read no more than its manual. */
export function plain(qemu: QemuProgram): Arguments {
  return ({ dir, accel, vcpu, memoryMib, kernel, initrd, cmdline, disks, consoleLog }) => [
    ...[qemu.binary, '-nodefaults', '-display', 'none', '-serial', `file:${consoleLog}`],
    ...['-machine', 'q35', '-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max'],
    ...['-smp', String(vcpu), '-m', String(memoryMib)],
    ...['-kernel', kernel, '-initrd', initrd, '-append', cmdline],
    ...disks.flatMap(({ serial, path, format, readOnly = false }) => [
      ...['-drive', `if=none,id=${serial},file=${path},format=${format},readonly=${readOnly ? 'on' : 'off'}`],
      ...['-device', `virtio-blk-pci,drive=${serial},serial=${serial}`],
    ]),
    ...['-nic', 'user,model=virtio-net-pci', '-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=agent,path=${join(dir, 'agent.sock')},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=agent,name=banger.agent'],
  ];
}

/**
 * Milliseconds from QEMU's start to the agent's hello. The disks are made before the clock starts and QEMU is ended after it
 * has stopped.
 */
export async function bareBoot(
  guest: Guest,
  { home, accel, argv }: { readonly home: string; readonly accel: Accel; readonly argv: Arguments },
): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'banger-bare-'));
  try {
    const spec = await specOf(guest, { home, accel, dir });
    const [file = '', ...rest] = argv(spec);
    const begun = performance.now();
    const qemu = spawn(file, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(qemu, 'exit');
    try {
      await Promise.race([
        hello(join(dir, 'agent.sock')),
        ended.then(() => {
          throw new Error('The bare QEMU ended before its agent answered.');
        }),
      ]);
      return performance.now() - begun;
    } finally {
      qemu.kill('SIGKILL');
      await ended;
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function specOf(
  guest: Guest,
  { home, accel, dir }: { readonly home: string; readonly accel: Accel; readonly dir: string },
): Promise<VmSpec> {
  const image = join(home, 'state/images', guest.image);
  const kernel = join(home, 'state/kernels', guest.kernel);
  const modules = join(kernel, 'modules.ext4');
  const [root, work] = [join(dir, 'root.qcow2'), join(dir, 'work.ext4')];
  await disks.createRoot({ path: root, base: join(image, 'root.ext4'), bytes: guest.rootBytes });
  await disks.createWork({ path: work, template: join(image, 'work.ext4'), bytes: guest.diskBytes });
  return {
    ...{ id: 'bare', token: 'bare', dir, accel, vcpu: guest.vcpu, memoryMib: guest.memoryMib },
    kernel: join(kernel, 'vmlinux'),
    initrd: join(kernel, 'initramfs.img'),
    cmdline: kernelCommandLine('agent', ['banger.modules=modules']),
    disks: [
      { serial: 'root', path: root, format: 'qcow2' },
      { serial: 'work', path: work, format: 'raw' },
      { serial: 'modules', path: modules, format: 'raw', readOnly: true },
    ],
    network: { kind: 'stream', socket: join(dir, 'unused'), mac: MAC },
    consoleLog: join(dir, 'console.log'),
    vmmLog: join(dir, 'vmm.log'),
  };
}

/** Says hello until the agent answers (guest/PROTOCOL.md, section 1). */
async function hello(path: string): Promise<void> {
  const client = await connected(path);
  const message = Buffer.concat([HELLO, randomBytes(32), randomBytes(16)]);
  const again = setInterval(() => client.write(message), HELLO_INTERVAL_MS);
  // QEMU may end while we write; that it did is told by its exit.
  client.on('error', () => undefined);
  try {
    client.write(message);
    let seen = Buffer.alloc(0);
    for await (const chunk of client as AsyncIterable<Buffer>) {
      seen = Buffer.concat([seen, chunk]);
      if (seen.includes(ANSWER)) return;
    }
  } finally {
    clearInterval(again);
    client.destroy();
  }
}

async function connected(path: string): Promise<Socket> {
  for (;;) {
    const client = createConnection(path);
    try {
      await once(client, 'connect');
      return client;
    } catch {
      await sleep(CONNECT_POLL_MS);
    }
  }
}
