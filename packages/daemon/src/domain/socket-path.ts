/**
 * The longest path of a unix socket in bytes: `sun_path` holds 108, the last of them a NUL (unix(7)). Node would cut a longer one short,
 * silently.
 */
export const MAX_SOCKET_PATH_BYTES = 107;

/** The longest name that is bound below the directory for sockets: that of netguard's second socket, until it is renamed. */
const LONGEST_NAME = `vm/${'0'.repeat(12)}/outbound.sock.new`;

/** Whether every socket that is ours has room below this directory. */
export function hasSocketRoom(directory: string): boolean {
  return Buffer.byteLength(`${directory}/${LONGEST_NAME}`) <= MAX_SOCKET_PATH_BYTES;
}
