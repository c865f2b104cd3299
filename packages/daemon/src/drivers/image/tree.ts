import { chmod, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageRecipe } from './catalog.ts';

/** What the packages and mmdebstrap leave behind that must be in no image, each with the reason. */
const LEFTOVERS: readonly (readonly [path: string, why: string])[] = [
  ['/etc/hostname', 'the name of this machine'],
  ['/etc/resolv.conf', 'the resolver of this machine'],
  [
    '/etc/hosts',
    'the agent writes one at each start, and to replace another takes the guest 30 ms of its first',
  ],
  ['/etc/apt/apt.conf.d/99mmdebstrap', 'settings for the way from this machine to its mirror'],
  ['/etc/dpkg/dpkg.cfg.d/99mmdebstrap', 'dpkg in the guest must sync what it unpacks'],
  ['/var/lib/apt/lists/lock', 'made anew by apt'],
  ['/var/lib/dbus/machine-id', 'identity of a machine'],
  ['/var/lib/systemd/random-seed', 'the same random state in every VM'],
];

/** Written empty: so systemd(1) makes a new one at boot without taking that for the first boot of an installation. */
const MACHINE_ID = '/etc/machine-id';

const FILE_MODE = 0o644;

/** Finishes a tree: removes what belongs to this machine, writes the recipe's files and links. */
export async function finishTree(tree: string, recipe: Pick<ImageRecipe, 'files' | 'links'>): Promise<void> {
  for (const [path] of LEFTOVERS) await rm(join(tree, path), { force: true });
  const files = [{ path: MACHINE_ID, text: '' }, ...recipe.files];
  for (const { path, text } of files) {
    await rm(join(tree, path), { force: true });
    await writeFile(join(tree, path), text, { flag: 'wx' });
    // Whatever our umask: every user of the guest reads these.
    await chmod(join(tree, path), FILE_MODE);
  }
  for (const { path, to } of recipe.links) {
    await rm(join(tree, path), { force: true });
    await symlink(to, join(tree, path));
  }
}
