/** Message types of guest/PROTOCOL.md, section 3. */
export const MessageType = {
  ok: 0x0001,
  error: 0x00ff,
  configure: 0x0010,
  exec: 0x0020,
  started: 0x0021,
  stdin: 0x0022,
  stdout: 0x0023,
  stderr: 0x0024,
  exit: 0x0025,
  signal: 0x0026,
  resize: 0x0027,
  dial: 0x0030,
  data: 0x0031,
  put: 0x0040,
  get: 0x0041,
  pack: 0x0042,
  unpack: 0x0043,
  ports: 0x0050,
  stats: 0x0051,
  clock: 0x0052,
  sync: 0x0060,
  shutdown: 0x0061,
  events: 0x0070,
  event: 0x0071,
} as const;

const RAW_TYPES: ReadonlySet<number> = new Set([
  MessageType.stdin,
  MessageType.stdout,
  MessageType.stderr,
  MessageType.data,
]);

/** True for a message whose payload is raw bytes rather than fields. */
export function isRaw(type: number): boolean {
  return RAW_TYPES.has(type);
}
