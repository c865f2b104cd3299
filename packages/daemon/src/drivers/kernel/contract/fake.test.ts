import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveReaders } from '../../image/oci/archive-readers.ts';
import { createFakeKernels, writeKernelTree } from '../fake/fake-kernel-host.ts';
import { kernelContract } from './kernel.suite.ts';

kernelContract('on a pretended machine', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'banger-kernel-'));
  const agent = join(directory, 'agent');
  await writeFile(agent, 'the agent');
  const importable = join(directory, 'import');
  await writeKernelTree(importable);
  const root = join(directory, 'kernels');
  const known = 'debian-cloud';
  const kernels = createFakeKernels({ root, agent, readers: archiveReaders });
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  return {
    ...kernels,
    stock: () => kernels.source.pull(known, { force: false }, context),
    root,
    known,
    cancelAt: ['Looking for the kernel package', 'Fetching', 'Extracting', 'Building', 'Storing the'],
    importable,
    changeAgent: (text) => writeFile(agent, text),
    close: () => rm(directory, { recursive: true }),
  };
});
