import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFakeImages } from '../fake/fake-image-host.ts';
import { imageContract } from './image.suite.ts';

imageContract('on a pretended machine', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'banger-image-'));
  const root = join(directory, 'images');
  return {
    ...createFakeImages(root),
    root,
    known: 'debian-bookworm',
    cancelAt: ['Fetching package lists', 'Installing packages'],
    close: () => rm(directory, { recursive: true }),
  };
});
