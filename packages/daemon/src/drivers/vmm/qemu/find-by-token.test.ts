import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findByToken } from './find-by-token.ts';

it('finds the processes that QEMU was started as, and no other that knows the token', async () => {
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
      self: ['qemu', '-name', 'guest=banger-vm-secret,process=banger-vm'],
    };
    for (const [pid, argv] of Object.entries(argvs)) {
      await mkdir(join(proc, pid));
      await writeFile(join(proc, pid, 'cmdline'), argv.map((argument) => `${argument}\0`).join(''));
    }
    // A process that ends while it is looked at.
    await mkdir(join(proc, '18'));
    const identify = (pid: number) => (pid === 17 ? undefined : { pid, startTicks: pid, bootId: 'boot' });
    const found = await findByToken('secret', { identify }, proc);
    expect(new Set(found.map(({ pid }) => pid))).toEqual(new Set([10, 14]));
  } finally {
    await rm(proc, { recursive: true });
  }
});
