import type { FileHandle } from 'node:fs/promises';

/** As much as is read at once: few turns of the event loop, and little memory. */
const PIECE_BYTES = 256 * 1024;

/** A part of an open file in pieces. Ends early where the file does. */
export async function* filePieces(file: FileHandle, start: number, bytes: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes;) {
    const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, bytes - done));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start + done);
    if (bytesRead === 0) return;
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
