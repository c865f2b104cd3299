import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findBelow } from './find-below.ts';
import { findByToken } from './find-by-token.ts';

it("finds the processes that QEMU was started as, and no other that knows the token or is another user's", async () => {
  const proc = await mkdtemp(join(tmpdir(), 'proc-'));
  try {
    const argvs: Readonly<Record<string, readonly string[]>> = {
      '10': ['qemu', '-nodefaults', '-name', 'guest=banger-vm-secret,process=banger-vm'],
      '11': ['qemu', '-name', 'guest=banger-vm-secret2,process=banger-vm'],
      '12': ['qemu', '-name', 'guest=other-secret,process=x'],
      '13': ['grep', 'guest=banger-vm-secret,process=banger-vm'],
      '14': ['qemu', '-name', 'guest=banger-a-b-secret,process=banger-a-b'],
      '15': ['qemu', '-name'],
      '16': [],
      '17': ['qemu', '-name', 'guest=banger-gone-secret,process=x'],
      '19': ['qemu', '-name', 'guest=banger-vm-secret,process=banger-vm'],
      self: ['qemu', '-name', 'guest=banger-vm-secret,process=banger-vm'],
    };
    for (const [pid, argv] of Object.entries(argvs)) {
      await mkdir(join(proc, pid));
      await writeFile(join(proc, pid, 'cmdline'), argv.map((argument) => `${argument}\0`).join(''));
      const uid = pid === '19' ? 1001 : 1000;
      await writeFile(join(proc, pid, 'status'), `Name:\tqemu\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    }
    // A process that ends while it is looked at.
    await mkdir(join(proc, '18'));
    const identify = (pid: number) => (pid === 17 ? undefined : { pid, startTicks: pid, bootId: 'boot' });
    const found = await findByToken('secret', { identify }, { proc, uid: 1000 });
    expect(new Set(found.map(({ pid }) => pid))).toEqual(new Set([10, 14]));
  } finally {
    await rm(proc, { recursive: true });
  }
});

it('finds the QEMUs whose console log lies below a directory, and no other', async () => {
  const proc = await mkdtemp(join(tmpdir(), 'proc-'));
  try {
    const name = (id: string, token: string): string[] => [
      'qemu',
      '-name',
      `guest=banger-${id}-${token},process=banger-${id},debug-threads=on`,
    ];
    const console = (path: string): string[] => ['-chardev', `file,id=console,path=${path},append=on`];
    const argvs: Readonly<Record<string, readonly string[]>> = {
      '10': [...name('vm', 'one'), ...console('/a,,b/vms/vm/console.log')],
      '11': [...name('vm', 'two'), ...console('/a,,b/vms2/vm/console.log')],
      '12': [...name('vm', 'three'), '-append', '/a,b/vms/vm/console.log'],
      '13': ['qemu', ...console('/a,,b/vms/vm/console.log')],
      '14': [...name('a-b', 'four'), ...console('/a,,b/vms/a-b/console.log')],
    };
    for (const [pid, argv] of Object.entries(argvs)) {
      await mkdir(join(proc, pid));
      await writeFile(join(proc, pid, 'cmdline'), argv.map((argument) => `${argument}\0`).join(''));
      await writeFile(join(proc, pid, 'status'), 'Uid:\t1000\t1000\t1000\t1000\n');
    }
    const processes = {
      identify: (pid: number) => ({ pid, startTicks: pid, bootId: 'boot' }),
      ageMs: ({ startTicks }: { readonly startTicks: number }) => startTicks,
    };
    const found = await findBelow('/a,b/vms', processes, 1_000, { proc, uid: 1000 });
    expect(found.toSorted((a, b) => a.process.pid - b.process.pid)).toMatchObject([
      { id: 'vm', token: 'one', process: { pid: 10 }, startedAt: 990 },
      { id: 'a-b', token: 'four', process: { pid: 14 }, startedAt: 986 },
    ]);
  } finally {
    await rm(proc, { recursive: true });
  }
});
