import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
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
