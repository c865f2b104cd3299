/**
 * Limits of the agent protocol (guest/PROTOCOL.md, sections 1 to 3) and of what this side will hold for a guest.
 * Those of the document are the same in the agent; changing one needs a new generation.
 */

/** The highest protocol generation this side speaks; the lower of both sides' wins. */
export const GENERATION = 1;
/** Fields of the agent's answer to a hello. */
export const MAX_HELLO_BYTES = 4096;
/** Payload of a data frame. */
export const MAX_FRAME_BYTES = 65_536;
/** What a sender may send on a stream before the first window update. */
export const INITIAL_WINDOW = 262_144;
/** What window updates may raise a window to. */
export const MAX_WINDOW = 1_048_576;
/** Streams open at once. */
export const MAX_STREAMS = 256;
/** Payload of a message. */
export const MAX_MESSAGE_BYTES = 65_536;
/** Payload of a `configure` message, which carries files. */
export const MAX_CONFIGURE_BYTES = 1_048_576;
/** Payload of an `exec` message: what Linux takes as arguments and environment is never longer as fields. */
export const MAX_EXEC_BYTES = 2_097_152;
/** Raw bytes in one message: with the message's head they fill one data frame. */
export const MAX_RAW_BYTES = 65_530;

/**
 * Streams that this side closed and the guest has not: late data for them is counted against what their window still
 * allowed. More than could be open at once several times over; data for one forgotten ends the session.
 */
export const MAX_CLOSING_STREAMS = 4096;
/**
 * Frames within one second that carry nothing (pings, empty data, updates of closed streams). A working agent sends a
 * handful; without a bound they are a way to burn the daemon's time.
 */
export const MAX_IDLE_FRAMES_PER_SECOND = 1000;
/** Control frames that a guest has left unread; window updates are 12 bytes, so this is a guest that never reads. */
export const MAX_UNSENT_BYTES = 8_388_608;
