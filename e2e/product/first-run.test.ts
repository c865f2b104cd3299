import { describe, expect, test } from 'vitest';
import { firstRun } from '../harness/shared-home.ts';

describe('the first command on a machine that has nothing of ours', () => {
  test('fetches what it needs, says so, runs the command and passes on its output and status', () => {
    const { status, stdout, stderr } = firstRun();
    expect(stderr).toMatch(/image debian-bookworm/i);
    expect(stderr).toMatch(/kernel/i);
    expect(stderr).toMatch(/^spec: /m);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^Linux \S+ 6\.\S+.* x86_64 GNU\/Linux\n$/),
    });
  });

  test('leaves no VM, process, disk or socket', () => {
    expect(firstRun().left).toEqual([]);
  });
});
