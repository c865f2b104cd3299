/** The compressed kernel inside a bzImage. */
export interface BzImagePayload {
  /** A compressed ELF file, ready to be expanded. */
  readonly payload: Buffer;
  /** As `uname -r` says it, from the header; undefined when the header names none. */
  readonly release: string | undefined;
}

/** Fields of the setup header ("The Linux/x86 Boot Protocol", Documentation/arch/x86/boot.rst). */
const SETUP_SECTORS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const HEADER_MAGIC = 0x202;
const PROTOCOL_VERSION = 0x206;
const KERNEL_VERSION = 0x20e;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const HEADER_END = 0x268;

/** The first protocol that tells where the payload is (Linux 2.6.26). */
const PAYLOAD_PROTOCOL = 0x0208;
const SECTOR_BYTES = 512;
const APPENDED_SIZE_BYTES = 4;
/** What a setup_sects of 0 means, for the sake of very old loaders. */
const DEFAULT_SETUP_SECTORS = 4;
/** `uname -r` is at most 64 bytes; the header's string goes on with who built it. */
const RELEASE = /^[A-Za-z0-9][\w.+~-]{0,63}/;

/** True for a file that begins as a bzImage does. */
export function isBzImage(bytes: Buffer): boolean {
  return (
    bytes.length >= HEADER_END &&
    bytes.readUInt16LE(BOOT_FLAG) === 0xaa55 &&
    bytes.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) === 'HdrS'
  );
}

/** Finds the payload of a bzImage. Throws a plain Error that says why when there is none. */
export function readBzImage(bytes: Buffer): BzImagePayload {
  if (!isBzImage(bytes)) throw new Error('it is no bzImage');
  if (bytes.readUInt16LE(PROTOCOL_VERSION) < PAYLOAD_PROTOCOL)
    throw new Error('its boot protocol is older than 2.08');
  const sectors = bytes[SETUP_SECTORS] || DEFAULT_SETUP_SECTORS;
  const start = (sectors + 1) * SECTOR_BYTES + bytes.readUInt32LE(PAYLOAD_OFFSET);
  const length = bytes.readUInt32LE(PAYLOAD_LENGTH);
  if (length === 0 || start > bytes.length || length > bytes.length - start)
    throw new Error('it is cut short');
  const payload = bytes.subarray(start, start + length);
  return { payload: withoutAppendedSize(payload), release: readRelease(bytes) };
}

/**
 * The kernel's build appends the expanded size where the format does not end with it, as gzip does
 * (scripts/Makefile.lib, size_append); decoders that are no part of a kernel take it for damage.
 */
function withoutAppendedSize(payload: Buffer): Buffer {
  const isGzip = payload[0] === 0x1f && payload[1] === 0x8b;
  return isGzip ? payload : payload.subarray(0, Math.max(0, payload.length - APPENDED_SIZE_BYTES));
}

function readRelease(bytes: Buffer): string | undefined {
  const pointer = bytes.readUInt16LE(KERNEL_VERSION);
  const at = pointer + SECTOR_BYTES;
  if (pointer === 0 || at >= bytes.length) return undefined;
  return RELEASE.exec(bytes.toString('latin1', at, at + 64))?.[0];
}
