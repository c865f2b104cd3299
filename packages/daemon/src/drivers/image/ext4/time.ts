/** A point in time as POSIX has it; `seconds` may be negative. */
export interface Timestamp {
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

/** The time of so many milliseconds since 1970. */
export function timestampOfMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanoseconds: Math.floor((ms - seconds * 1000) * 1e6) };
}

/** What an inode can hold: from 1901 to 2446 (Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps"). */
const EARLIEST = -(2 ** 31);
const LATEST = 2 ** 34 - 2 ** 31 - 1;

const EPOCH_MASK = 3;

/** The two words of a timestamp in an inode. */
export interface DiskTime {
  readonly seconds: number;
  /** Nanoseconds, and two bits that count the times that the seconds overflow 32 bits. */
  readonly extra: number;
}

/** A timestamp as an inode holds it. What is out of its range becomes the nearest that is not, as the kernel does it. */
export function diskTime(time: Timestamp): DiskTime {
  const seconds = Math.min(Math.max(time.seconds, EARLIEST), LATEST);
  const nanoseconds = seconds === time.seconds ? time.nanoseconds : 0;
  const low = seconds | 0;
  const epoch = (seconds - low) / 2 ** 32;
  return { seconds: low, extra: ((nanoseconds << 2) | epoch) >>> 0 };
}

/** The timestamp that an inode holds. */
export function timestampOf({ seconds, extra }: DiskTime): Timestamp {
  return { seconds: seconds + (extra & EPOCH_MASK) * 2 ** 32, nanoseconds: extra >>> 2 };
}
