import { describe, expect, test } from 'vitest';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { firstRun, sharedHome } from '../harness/shared-home.ts';

describe('the first command on a machine that has nothing of ours', () => {
  const home = sharedHome();

  test('fetches what it needs, says so, runs the command and passes on its output and status', () => {
    const { status, stdout, stderr } = firstRun(home);
    expect(stderr).toMatch(/image debian-bookworm/i);
    expect(stderr).toMatch(/kernel/i);
    expect(stderr).toMatch(/^spec: /m);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^Linux \S+ 6\.\S+.* x86_64 GNU\/Linux\n$/),
    });
  });

  test('leaves no VM, process, disk or socket', () => {
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
  });
});
