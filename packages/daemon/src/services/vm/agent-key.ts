/** Bytes of the agent channel's key: `guest/PROTOCOL.md`, section 1. */
export const AGENT_KEY_BYTES = 32;
