import { BangerError } from '@banger/contract/error';

/** The error for bytes of the guest that are not the agent protocol; `what` completes "The guest …". */
export function violation(what: string, details: Readonly<Record<string, unknown>> = {}): BangerError {
  return new BangerError('agent_protocol', `The guest ${what}.`, { details });
}
