import { access, constants, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '../../domain/socket-path.ts';
import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmSpec } from './driver.ts';

/** VIRTIO_BLK_ID_BYTES of the virtio specification, 5.2.6.1. */
const MAX_SERIAL_BYTES = 20;

const ID = /^[a-z0-9][a-z0-9-]*$/;
const TOKEN = /^[a-z0-9]{16,}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/**
 * Refuses a spec that no VMM could run, in words rather than in the VMM's own. `sockets` are the paths that the VMM
 * will listen on. Rejects with `path_unsafe` for a socket's path that is too long and for a file that may not be opened that way,
 * `vmm_failed` for one that is not there, `invalid_argument` for the rest.
 */
export async function checkSpec(spec: VmSpec, sockets: readonly string[]): Promise<void> {
  if (!ID.test(spec.id)) throw invalid(`The VM id "${spec.id}" is not made of a-z, 0-9 and hyphens.`);
  if (!TOKEN.test(spec.token)) throw invalid('A VMM token has at least 16 of a-z and 0-9.');
  if (!Number.isSafeInteger(spec.vcpu) || spec.vcpu < 1)
    throw invalid(`${spec.vcpu} virtual CPUs are not possible.`);
  if (!Number.isSafeInteger(spec.memoryMib) || spec.memoryMib < 1)
    throw invalid(`${spec.memoryMib} MiB of memory are not possible.`);
  if (spec.network.kind === 'stream' && !MAC.test(spec.network.mac))
    throw invalid(`"${spec.network.mac}" is not a MAC address.`);
  checkDisks(spec);
  const listening = spec.network.kind === 'stream' ? [...sockets, spec.network.socket] : sockets;
  for (const socket of listening) checkSocketPath(socket);
  await Promise.all([
    checkFile(spec.kernel, 'kernel', constants.R_OK),
    checkFile(spec.initrd, 'initramfs', constants.R_OK),
    ...spec.disks.map(({ serial, path, readOnly }) =>
      checkFile(
        path,
        `disk "${serial}"`,
        readOnly === true ? constants.R_OK : constants.R_OK | constants.W_OK,
      ),
    ),
  ]);
}

function checkDisks({ disks }: VmSpec): void {
  const seen = new Set<string>();
  for (const { serial } of disks) {
    if (!ID.test(serial) || serial.length > MAX_SERIAL_BYTES) throw invalid(`"${serial}" is no disk serial.`);
    if (seen.has(serial)) throw invalid(`Two disks have the serial "${serial}".`);
    seen.add(serial);
  }
}

function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw new BangerError(
    'path_unsafe',
    `The path of a socket has ${bytes} bytes, and Linux allows ${MAX_SOCKET_PATH_BYTES}: ${path}.`,
    { hint: 'Set BANGER_HOME or XDG_RUNTIME_DIR to a shorter path.', details: { path } },
  );
}

async function checkFile(path: string, what: string, mode: number): Promise<void> {
  if (!isAbsolute(path)) throw invalid(`The path of the ${what} is not absolute: ${path}.`);
  try {
    if (!(await stat(path)).isFile())
      throw new BangerError('vmm_failed', `The ${what} is not a file: ${path}.`);
    await access(path, mode);
  } catch (cause) {
    if (cause instanceof BangerError) throw cause;
    const { code = '' } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is missing' : `cannot be opened (${code})`;
    const known = toBangerError(cause).code;
    throw new BangerError(known === 'internal' ? 'vmm_failed' : known, `The ${what} ${why}: ${path}.`, {
      cause,
      details: { path },
    });
  }
}

function invalid(message: string): BangerError {
  return new BangerError('invalid_argument', message);
}
