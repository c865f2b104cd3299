/** First bytes of an LZ4 legacy frame, little endian (LZ4 Frame Format Description, "Legacy frame"). */
const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Each block of a legacy frame but the last expands to exactly this. */
const LEGACY_BLOCK_BYTES = 8 * 1024 * 1024;
const MIN_MATCH = 4;

/**
 * Expands an LZ4 legacy frame, the form that the kernel's build uses. Throws a plain Error when it is damaged or gives
 * more than `maxBytes`.
 */
export function expandLz4Legacy(frame: Uint8Array, maxBytes: number): Buffer {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 4 || view.getUint32(0, true) !== LZ4_LEGACY_MAGIC)
    throw new Error('no LZ4 legacy frame');
  const blocks: Buffer[] = [];
  let total = 0;
  let at = 4;
  // What cannot hold a block's size and a byte of it ends the frame: some writers pad.
  while (frame.length - at > 4) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === LZ4_LEGACY_MAGIC) continue;
    if (size > frame.length - at) throw new Error('an LZ4 block reaches past the end');
    const block = expandBlock(frame.subarray(at, at + size), Math.min(LEGACY_BLOCK_BYTES, maxBytes - total));
    blocks.push(block);
    total += block.length;
    at += size;
    if (block.length < LEGACY_BLOCK_BYTES) break;
  }
  return Buffer.concat(blocks, total);
}

/** Expands one block (LZ4 Block Format Description): sequences of literals, then a copy from what was written. */
function expandBlock(input: Uint8Array, maxBytes: number): Buffer {
  const output = Buffer.allocUnsafe(maxBytes);
  let from = 0;
  let to = 0;

  const byte = (): number => {
    const value = input[from++];
    if (value === undefined) throw new Error('an LZ4 block is cut short');
    return value;
  };
  const length = (nibble: number): number => {
    let total = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255;) total += more = byte();
    return total;
  };

  for (;;) {
    const token = byte();
    const literals = length(token >> 4);
    if (literals > input.length - from || literals > maxBytes - to)
      throw new Error('LZ4 literals out of bounds');
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === input.length) return output.subarray(0, to);

    const offset = byte() | (byte() << 8);
    const match = length(token & 15) + MIN_MATCH;
    if (offset === 0 || offset > to || match > maxBytes - to)
      throw new Error('an LZ4 match is out of bounds');
    // A copy that overlaps itself repeats what it has just written: each piece is as long as what is there by then.
    for (let done = 0; done < match;) {
      const piece = Math.min(match - done, offset + done);
      output.copyWithin(to + done, to - offset, to - offset + piece);
      done += piece;
    }
    to += match;
  }
}
