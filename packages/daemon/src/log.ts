import pino, { type Logger } from 'pino';
import type { LogLevel } from './config/keys.ts';
import { LogFile } from './log-file.ts';
import { currentOperation } from './services/operation.ts';

/** The daemon's log: JSON lines, each with the id of the operation that caused it. */
export function openLog(path: string, level: LogLevel): Logger {
  return pino(
    {
      level,
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
