import { quoted, usageError } from './usage.ts';

/** Linux names and numbers of users and groups; what a C library would take apart is refused. */
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(?::[A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?$/;

/** `--user`: a name or number, and perhaps a group behind a colon. */
export function parseUser(value: string, flag: string): string {
  if (USER.test(value)) return value;
  throw usageError(`${flag} ${quoted(value)} is not a user.`, 'Write it as name, 1000, or name:group.');
}

/** `--workdir`: an absolute path in the guest. */
export function parseWorkdir(value: string, flag: string): string {
  if (value.startsWith('/') && !value.includes('\0')) return value;
  throw usageError(`${flag} ${quoted(value)} is not an absolute path in the VM.`);
}
