import { renameSync, statSync } from 'node:fs';
import pino, { type Logger } from 'pino';
import { currentOperation } from './services/operation.ts';

/** A log of this size is set aside at the daemon's start; with its predecessor that bounds what logs take. */
const ROTATE_BYTES = 16 * 1024 * 1024;

/** The daemon's log: JSON lines, each with the id of the operation that caused it. Level from `BANGER_LOG`. */
export function openLog(path: string): Logger {
  rotate(path);
  return pino(
    {
      level: process.env['BANGER_LOG'] ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      mixin: () => {
        const operation = currentOperation();
        return operation === undefined ? {} : { op: operation.id, method: operation.method };
      },
    },
    pino.destination({ dest: path, mode: 0o600, sync: true }),
  );
}

function rotate(path: string): void {
  try {
    if (statSync(path).size > ROTATE_BYTES) renameSync(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
