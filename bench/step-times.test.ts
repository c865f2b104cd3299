import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogReader, stepTimes } from './step-times.ts';

test('steps are read from where the log was left off, also of one that was begun anew', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bench-log-'));
  try {
    const path = join(directory, 'log');
    const line = (step: string, ms: number): string =>
      `${JSON.stringify({ vm: 'x', step, ms, msg: 'vm step' })}\n`;
    writeFileSync(path, `${line('before', 1)}${line('before', 2)}`);
    const log = new LogReader(path);
    appendFileSync(path, `{"msg":"vm state"}\n${line('sync', 2.5)}`);
    expect(stepTimes(log.read())).toEqual([{ step: 'sync', ms: 2.5 }]);
    expect(stepTimes(log.read())).toEqual([]);
    writeFileSync(path, line('vmm', 3));
    expect(stepTimes(log.read())).toEqual([{ step: 'vmm', ms: 3 }]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
