import { BangerError } from '@banger/contract/error';
import type { Database } from './database.ts';

/** For a process that may not have the state open: whatever is asked of it is a bug. */
export const noDatabase: Database = {
  run: refuse,
  get: refuse,
  all: refuse,
  transaction: refuse,
  close: () => undefined,
};

function refuse(): never {
  throw new BangerError('internal', 'The state is not open in this process.');
}
