import { rawBytes } from '@banger/contract/raw-text';

/** A path as the bytes that the system takes. */
export function pathBytes(path: string): Buffer {
  return Buffer.from(rawBytes(path));
}

/** A name in an open directory: whatever becomes of the directory's own path, it leads nowhere else (proc_pid_fd(5)). */
export function inDirectory(fd: number, name: string): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), rawBytes(name)]);
}
