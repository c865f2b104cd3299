/**
 * The longest path of a unix socket in bytes: `sun_path` holds 108, the last of them a NUL (unix(7)). Node would cut a longer one short,
 * silently.
 */
export const MAX_SOCKET_PATH_BYTES = 107;
