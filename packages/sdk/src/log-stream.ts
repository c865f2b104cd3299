import type { Duplex, Readable } from 'node:stream';
import type { Frame } from '@banger/rpc/frame-codec';
import { PacedReadable, receiveFrames } from './frame-streams.ts';

/** The bytes of a console, or of events, from their byte stream, which it owns from now on; destroying it leaves. */
export function openLogStream(stream: Duplex): Readable {
  const readable = new PacedReadable();
  readable.on('close', () => stream.destroy());
  void fill(readable, receiveFrames(stream));
  return readable;
}

/** Ends the readable as the frames end: well, or with the reason. */
async function fill(readable: PacedReadable, frames: AsyncIterable<Frame>): Promise<void> {
  try {
    for await (const { payload } of frames) await readable.deliver(payload);
    readable.push(null);
  } catch (error) {
    readable.destroy(error as Error);
  }
}
