/** A section of an ELF file to make. */
interface Section {
  readonly name: string;
  readonly content: Buffer;
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;

/** Makes a little x86-64 ELF file with one PT_NOTE segment and the given sections (elf(5)). */
export function makeElf(options: {
  readonly notes?: readonly { readonly name: string; readonly type: number; readonly description: Buffer }[];
  readonly sections?: readonly Section[];
  readonly machine?: number;
}): Buffer {
  const notes = Buffer.concat((options.notes ?? []).map(note));
  const names = ['', ...(options.sections ?? []).map(({ name }) => name), '.shstrtab'];
  const nameTable = Buffer.from(names.map((name) => `${name}\0`).join(''));
  const nameOffset = (index: number): number =>
    names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0);
  const contents = [...(options.sections ?? []).map(({ content }) => content), nameTable];

  const notesAt = HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const parts: Buffer[] = [notes];
  let at = notesAt + notes.length;
  const headers = [Buffer.alloc(SECTION_HEADER_BYTES)];
  contents.forEach((content, index) => {
    const header = Buffer.alloc(SECTION_HEADER_BYTES);
    header.writeUInt32LE(nameOffset(index + 1), 0);
    header.writeUInt32LE(1, 4);
    header.writeBigUInt64LE(BigInt(at), 24);
    header.writeBigUInt64LE(BigInt(content.length), 32);
    headers.push(header);
    parts.push(content);
    at += content.length;
  });

  const elf = Buffer.alloc(HEADER_BYTES);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(options.machine ?? 62, 18);
  elf.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  elf.writeBigUInt64LE(BigInt(at), 40);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt16LE(headers.length, 60);
  elf.writeUInt16LE(headers.length - 1, 62);
  const segment = Buffer.alloc(PROGRAM_HEADER_BYTES);
  segment.writeUInt32LE(4, 0);
  segment.writeBigUInt64LE(BigInt(notesAt), 8);
  segment.writeBigUInt64LE(BigInt(notes.length), 32);
  return Buffer.concat([elf, segment, ...parts, ...headers]);
}

/** Makes a kernel that passes for one with a PVH entry, and says its release as the real ones do. */
export function makeVmlinux(release: string): Buffer {
  const entry = { name: 'Xen', type: 18, description: Buffer.from([0, 0, 0, 1]) };
  const banner = Buffer.from(`Linux version ${release} (builder@example.org) #1 SMP\n\0`);
  return makeElf({ notes: [entry], sections: [{ name: '.rodata', content: banner }] });
}

/** Makes a module whose `.modinfo` has these `key=value` pairs. */
export function makeModule(pairs: readonly string[]): Buffer {
  return makeElf({ sections: [{ name: '.modinfo', content: Buffer.from(`${pairs.join('\0')}\0`) }] });
}

/** Puts a payload into a bzImage of boot protocol 2.15; `appended` is the size that the build adds to the payload. */
export function makeBzImage(
  payload: Buffer,
  options: { readonly release?: string; readonly appended?: number },
): Buffer {
  const setupSectors = 2;
  const offset = 16;
  const header = Buffer.alloc((setupSectors + 1) * 512);
  header[0x1f1] = setupSectors;
  header.writeUInt16LE(0xaa55, 0x1fe);
  header.write('HdrS', 0x202, 'latin1');
  header.writeUInt16LE(0x020f, 0x206);
  if (options.release !== undefined) {
    header.writeUInt16LE(0x300, 0x20e);
    header.write(`${options.release} (builder@example.org) #1\0`, 0x300 + 512, 'latin1');
  }
  const trailer = Buffer.alloc(options.appended === undefined ? 0 : 4);
  if (options.appended !== undefined) trailer.writeUInt32LE(options.appended);
  header.writeUInt32LE(offset, 0x248);
  header.writeUInt32LE(payload.length + trailer.length, 0x24c);
  return Buffer.concat([header, Buffer.alloc(offset), payload, trailer, Buffer.alloc(100)]);
}

function note({
  name,
  type,
  description,
}: {
  readonly name: string;
  readonly type: number;
  readonly description: Buffer;
}): Buffer {
  const padded = (bytes: Buffer): Buffer =>
    Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(name.length + 1, 0);
  header.writeUInt32LE(description.length, 4);
  header.writeUInt32LE(type, 8);
  return Buffer.concat([header, padded(Buffer.from(`${name}\0`)), padded(description)]);
}
