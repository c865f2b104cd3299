import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogFile } from './log-file.ts';
import { openLog } from './log.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banger-log-'));
  path = join(directory, 'bangerd.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the log file', () => {
  test('a full disk drops lines and counts them, and no caller sees it', () => {
    const file = new LogFile('/dev/full');
    for (let i = 0; i < 3; i += 1) file.write('x\n');
    expect(file.lost).toBe(3);
    file.close();
    const log = openLog('/dev/full', 'info');
    log.info('nobody reads this');
    log.flush();
  });

  test('once there is room again, one line tells how many were lost', () => {
    const original = fs.writeSync;
    const file = new LogFile(path);
    file.write('a\n');
    // The first write gets part of its line in, as a file system does with its last block.
    let calls = 0;
    const full = ((fd: number, bytes: Buffer, offset: number): number => {
      calls += 1;
      if (calls === 1) return original(fd, bytes, offset, 2);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    }) as typeof fs.writeSync;
    try {
      fs.writeSync = full;
      syncBuiltinESMExports();
      file.write('bbbb\n');
      file.write('cccc\n');
    } finally {
      fs.writeSync = original;
      syncBuiltinESMExports();
    }
    file.write('d\n');
    file.write('e\n');
    file.close();
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines).toEqual(['a', 'bb', expect.any(String), 'd', 'e', '']);
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({
      level: 'warn',
      msg: '2 lines lost: the log could not be written',
    });
  });

  test('is private, appended to, and set aside while it is written', () => {
    const first = new LogFile(path, 10);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    first.write('12345678\n');
    first.close();
    const file = new LogFile(path, 10);
    file.write('abcdefgh\n');
    file.write('next\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('12345678\nabcdefgh\n');
    expect(readFileSync(path, 'utf8')).toBe('next\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    rmSync(path);
    file.write('into the removed one\n');
    file.write('afresh\n');
    expect(readFileSync(path, 'utf8')).toBe('afresh\n');
    file.close();
  });
});
