import { writeCpio } from '@banger/daemon/drivers/kernel/cpio';

/** Where the program is loaded, and the length of both headers of an ELF file with one segment (elf(5)). */
const LOAD_ADDRESS = 0x400000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

/** mov eax, 34 (pause); syscall; jmp to the beginning: waits for ever, and again after each signal. */
const CODE = Buffer.from([0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]);

/** An initramfs whose PID 1 does nothing at all: no disk is mounted, no module loaded, nobody answered. */
export function silentInitramfs(): Buffer {
  return writeCpio([{ kind: 'file', name: 'init', mode: 0o755, content: silentProgram() }]);
}

function silentProgram(): Buffer {
  const elf = Buffer.alloc(ELF_HEADER_BYTES);
  // 64 bits, little-endian, version 1.
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(2, 16); // An executable,
  elf.writeUInt16LE(62, 18); // for x86-64,
  elf.writeUInt32LE(1, 20); // of version 1.
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS + ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES), 24);
  elf.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32);
  elf.writeUInt16LE(ELF_HEADER_BYTES, 52);
  elf.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  elf.writeUInt16LE(1, 56); // One segment.
  const segment = Buffer.alloc(PROGRAM_HEADER_BYTES);
  segment.writeUInt32LE(1, 0); // Loaded,
  segment.writeUInt32LE(5, 4); // readable and executable.
  segment.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 16);
  segment.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 24);
  const bytes = BigInt(ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES + CODE.length);
  segment.writeBigUInt64LE(bytes, 32);
  segment.writeBigUInt64LE(bytes, 40);
  segment.writeBigUInt64LE(4096n, 48);
  return Buffer.concat([elf, segment, CODE]);
}
