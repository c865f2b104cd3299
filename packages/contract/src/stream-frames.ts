/**
 * Frames of a byte stream between daemon and client, after `stream.attach` was answered: kind (u8),
 * length (u32, big-endian), then that many bytes. No zod here: the CLI reads these numbers.
 */
export const frameKind = {
  /** To the daemon; an empty one is the end of input. */
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** The last frame of an exec: an `ExecEnd` as JSON. */
  exit: 3,
} as const;

/** Bytes in front of a frame's payload. */
export const FRAME_HEADER_BYTES = 5;

/** Largest payload; bounds what a reader must hold, and equals the guest channel's so that nothing is cut twice. */
export const MAX_FRAME_BYTES = 65_536;
