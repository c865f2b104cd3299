import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelCommandLine } from '../packages/daemon/src/services/vm/kernel-command-line.ts';
import { program } from './program.ts';

/** What the bare QEMU boots: the very files that banger boots. */
export interface BareGuest {
  readonly vmlinux: string;
  readonly initramfs: string;
  /** The image's root file system; it gets a copy-on-write overlay, made outside the measured time. */
  readonly rootDisk: string;
  readonly vcpu: number;
  readonly memoryMib: number;
}

const HELLO = Buffer.from('banger-hello-v1\n');
const ANSWER = Buffer.from('banger-agent-v1\n');

/**
 * Milliseconds from QEMU's start to the agent's hello, with nothing of ours but the guest: one QEMU with the same machine type, CPU
 * model, kernel, initramfs and root disk, and a client that says hello on the agent's port.
 */
export async function bareBoot(guest: BareGuest): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'banger-bare-'));
  try {
    const overlay = join(directory, 'root.qcow2');
    await program(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', guest.rootDisk, overlay]);
    const socket = join(directory, 'agent');
    const begun = performance.now();
    const qemu = spawn('qemu-system-x86_64', bareArgv(guest, overlay, socket), { stdio: 'ignore' });
    try {
      await hello(socket);
      return performance.now() - begun;
    } finally {
      qemu.kill('SIGKILL');
      await once(qemu, 'exit');
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function bareArgv(
  { vmlinux, initramfs, vcpu, memoryMib }: BareGuest,
  overlay: string,
  socket: string,
): string[] {
  return [
    ['-machine', 'q35', '-accel', 'tcg', '-cpu', 'max', '-smp', String(vcpu), '-m', String(memoryMib)],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'null'],
    [
      '-kernel',
      vmlinux,
      '-initrd',
      initramfs,
      '-append',
      kernelCommandLine('agent').replace(' banger.work=work', ''),
    ],
    [
      '-drive',
      `if=none,id=root,file=${overlay},format=qcow2`,
      '-device',
      'virtio-blk-pci,drive=root,serial=root',
    ],
    ['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${socket},server=on,wait=off`],
    ['-device', 'virtserialport,chardev=agent,name=banger.agent'],
  ].flat();
}

/** Says hello until the agent answers (guest/PROTOCOL.md, section 1). */
async function hello(path: string): Promise<void> {
  const client = await connected(path);
  const seen: Buffer[] = [];
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  client.on('data', (chunk: Buffer) => {
    seen.push(chunk);
    if (Buffer.concat(seen).includes(ANSWER)) resolve();
  });
  const message = Buffer.concat([HELLO, randomBytes(32), randomBytes(16)]);
  client.write(message);
  const again = setInterval(() => client.write(message), 1_000);
  await answered;
  clearInterval(again);
  client.destroy();
}

async function connected(path: string): Promise<ReturnType<typeof createConnection>> {
  for (;;) {
    const client = createConnection(path);
    try {
      await once(client, 'connect');
      return client;
    } catch {
      await sleep(5); // QEMU has not made its socket yet.
    }
  }
}

/** The files that a home's VMs boot, from its stores. */
export function guestOf(
  home: string,
  image: string,
  kernel: string,
  size: { vcpu: number; memoryMib: number },
): BareGuest {
  const manifest = join(home, 'state/images', image, 'manifest.json');
  readFileSync(manifest); // Fails here, with its path, when the image is not there.
  return {
    vmlinux: join(home, 'state/kernels', kernel, 'vmlinux'),
    initramfs: join(home, 'state/kernels', kernel, 'initramfs.img'),
    rootDisk: join(home, 'state/images', image, 'root.ext4'),
    ...size,
  };
}
