import { getSystemErrorMap } from 'node:util';
import { BangerError } from '@banger/contract/error';
import type { FieldReader } from './fields.ts';

/** Tags of an `error` reply. */
export const ErrorTag = { errno: 1, text: 2, reason: 3 } as const;

/** Reasons of an `error` reply. */
export const ErrorReason = {
  badRequest: 1,
  notConfigured: 2,
  notFound: 3,
  notExecutable: 4,
  limit: 5,
  failed: 6,
  notSupported: 7,
  noSuchUser: 8,
  noShell: 9,
} as const;

/** Name of a Linux errno, `errno N` for one that libuv does not know; undefined for 0. */
function errnoName(errno: number): string | undefined {
  return errno === 0 ? undefined : (getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`);
}

/** The error that an agent's `error` reply means; `what` says what was asked, as in "run make". */
export function replyError(fields: FieldReader, what: string): BangerError {
  const reason = fields.number(ErrorTag.reason) ?? ErrorReason.failed;
  const errno = errnoName(fields.number(ErrorTag.errno) ?? 0);
  const said = fields.text(ErrorTag.text) ?? '';
  // What Linux says to more arguments than it takes, whatever program they were for.
  if (errno === 'E2BIG')
    return new BangerError('invalid_argument', `The guest cannot ${what}: ${said}.`, {
      hint: 'Its own environment counts too: pass less as arguments and more as input or in a file.',
      details: { reason, errno },
    });
  const because = said === '' ? (errno ?? 'no reason given') : said;
  const details = { reason, ...(errno === undefined ? {} : { errno }) };
  switch (reason) {
    case ErrorReason.notConfigured:
      return new BangerError('agent_not_ready', `The guest cannot ${what}: it is not configured yet.`, {
        hint: 'Start the VM again with `banger vm restart NAME`.',
        details: { ...details, probe: 'configure' },
      });
    case ErrorReason.notFound:
      return new BangerError('command_not_found', `The guest cannot ${what}: ${because}.`, { details });
    case ErrorReason.notExecutable:
      return new BangerError('command_not_executable', `The guest cannot ${what}: ${because}.`, { details });
    case ErrorReason.limit:
      return new BangerError('agent_limit', `The guest cannot ${what}: ${because}.`, { details });
    case ErrorReason.notSupported:
      return new BangerError('not_supported', `The guest agent cannot ${what}: ${because}.`, {
        hint: "The VM's agent may be older than this program; start the VM again.",
        details,
      });
    case ErrorReason.noSuchUser:
      return new BangerError('invalid_argument', `The guest cannot ${what}: ${said || 'no such user'}.`, {
        hint: 'Name a user and group that the VM has, by name or number: --user root always works.',
        details,
      });
    case ErrorReason.noShell:
      return new BangerError('shell_not_found', `The guest cannot ${what}: ${because}.`, { details });
    case ErrorReason.badRequest:
      return new BangerError('internal', `The guest agent refused to ${what} as a bad request: ${because}.`, {
        details,
      });
    default:
      return new BangerError('guest_failed', `The guest could not ${what}: ${because}.`, { details });
  }
}
