import pino, { type Logger } from 'pino';
import { LogFile } from './log-file.ts';
import { currentOperation } from './services/operation.ts';

/** The daemon's log: JSON lines, each with the id of the operation that caused it. Level from `BANGER_LOG`. */
export function openLog(path: string): Logger {
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
    new LogFile(path),
  );
}
