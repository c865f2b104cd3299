import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DoctorReport } from '@banger/contract/doctor';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

const small = ['--memory', '256'];

/** A PATH of one directory that has every program of the real one, until a test takes one away. */
class Programs {
  readonly path = mkdtempSync(join(tmpdir(), 'banger-path-'));

  constructor() {
    // passt looks at what it was started as after it has become another user.
    chmodSync(this.path, 0o755);
    for (const directory of (process.env['PATH'] ?? '').split(':').filter((part) => part.startsWith('/')))
      if (existsSync(directory))
        for (const name of readdirSync(directory))
          if (!existsSync(join(this.path, name)) && isExecutable(join(directory, name)))
            symlinkSync(join(directory, name), join(this.path, name));
  }

  /** Works without a program, which is there again afterwards. Those in the sbin directories are always found. */
  async without(program: string, work: () => Promise<void>): Promise<void> {
    const link = join(this.path, program);
    rmSync(link);
    try {
      await work();
    } finally {
      symlinkSync(real(program), link);
    }
  }
}

function real(program: string): string {
  for (const directory of (process.env['PATH'] ?? '').split(':'))
    if (existsSync(join(directory, program))) return join(directory, program);
  throw new Error(`${program} is not on this machine`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

describe('a program of the host that is not there', () => {
  let home: FaultHome;
  let empty: FaultHome;
  let programs: Programs;
  const env = () => ({ env: { PATH: programs.path } });
  beforeAll(async () => {
    programs = new Programs();
    home = FaultHome.stocked();
    empty = FaultHome.empty();
    // The daemon has the PATH of the command that started it.
    for (const each of [home, empty])
      expect(await each.run(['vm', 'list'], env())).toMatchObject({ status: 0 });
  });
  afterEach(async () => {
    await home.expectNothingLeft();
    await empty.expectNothingLeft();
  });
  afterAll(async () => {
    await home.remove();
    await empty.remove();
    rmSync(programs.path, { recursive: true });
  });

  test.each([
    ['qemu-system-x86_64', ['vm', 'run', '--rm', ...small, '--', 'true'], 125],
    ['qemu-img', ['vm', 'create', '--no-start', ...small], 1],
  ])('%s: nothing is made', async (program, argv, status) => {
    await programs.without(program, async () => {
      expectFault(await home.run(argv, env()), { code: 'missing_tool', status, says: program });
      await home.expectNothingLeft();
    });
  });

  test('passt: the VM that cannot start is kept and says so; once all are there, it starts', async () => {
    await programs.without('passt', async () => {
      const outcome = await home.run(['vm', 'create', '--name', 'lone', ...small], env());
      expectFault(outcome, { code: 'missing_tool', status: 1, says: 'passt' });
      expect(await home.show('lone')).toMatchObject({
        state: 'error',
        phase: 'network',
        reason: expect.stringContaining('passt'),
        hint: expect.stringContaining('doctor'),
      });
    });
    expect(await home.run(['vm', 'start', 'lone'], env())).toMatchObject({ status: 0 });
    expect(await home.run(['vm', 'exec', 'lone', '--', 'true'], env())).toMatchObject({ status: 0 });
    expect(await home.run(['vm', 'delete', 'lone'], env())).toMatchObject({ status: 0 });
  });

  test.each([
    ['mmdebstrap', /mmdebstrap[^]*apt-get install mmdebstrap/, ['image', 'pull', 'debian-bookworm']],
    ['unshare', /unshare[^]*apt-get install util-linux/, ['image', 'pull', 'debian-bookworm']],
    ['apt-get', /no apt[^]*kernel import/, ['kernel', 'pull', 'debian-cloud']],
    ['xz', /xz/, ['kernel', 'pull', 'debian-cloud']],
  ])('%s: nothing is fetched', async (program, says, argv) => {
    await programs.without(program, async () => {
      expectFault(await empty.run(argv, env()), { code: 'missing_tool', status: 1, says });
      await empty.expectNothingLeft();
    });
  });

  test('doctor names it, what it is for and how to install it, and ends with a failure', async () => {
    await programs.without('qemu-img', async () => {
      const { status, stdout } = await home.run(['doctor', '--json'], env());
      expect(status).toBe(1);
      const { checks } = JSON.parse(stdout) as DoctorReport;
      expect(checks.find(({ id }) => id === 'tool.qemu-img')).toMatchObject({
        status: 'fail',
        detail: expect.stringMatching(/qemu-img is not installed; it .*disks/),
        fix: expect.stringContaining('qemu-utils'),
      });
    });
  });
});
