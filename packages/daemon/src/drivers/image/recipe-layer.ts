import type { ImageRecipe } from './catalog.ts';
import type { EntryMetadata } from './ext4/entry-metadata.ts';
import type { Timestamp } from './ext4/time.ts';
import type { Layer } from './oci/layer.ts';
import type { TarEntry, TarKind } from './oci/tar/entry.ts';

/** What the packages and mmdebstrap leave behind that must be in no image, each with the reason. */
const LEFTOVERS: readonly (readonly [path: string, why: string])[] = [
  ['/etc/apt/apt.conf.d/99mmdebstrap', 'settings for the way from this machine to its mirror'],
  ['/etc/dpkg/dpkg.cfg.d/99mmdebstrap', 'dpkg in the guest must sync what it unpacks'],
  ['/var/lib/apt/lists/lock', 'made anew by apt'],
  ['/var/lib/dbus/machine-id', 'identity of a machine'],
  ['/var/lib/systemd/random-seed', 'the same random state in every VM'],
];

/** The lines between which the agent rewrites /etc/hosts: BEGIN and END of its etc.c. */
const HOSTS_MARKS = '# banger: begin (rewritten at every start; lines outside are kept)\n# banger: end\n';

/**
 * What the agent writes at each start, with nothing of this machine. It writes over a file that is there: to make the first one of a
 * file system takes the guest 20 ms under emulation.
 */
const WRITTEN_BY_AGENT: readonly { readonly path: string; readonly text: string }[] = [
  { path: '/etc/hostname', text: 'localhost\n' },
  { path: '/etc/hosts', text: HOSTS_MARKS },
  { path: '/etc/resolv.conf', text: '# banger writes the resolver here, at every start.\n' },
  // Empty: so systemd(1) makes a new one at boot without taking that for the first boot of an installation.
  { path: '/etc/machine-id', text: '' },
];

/** Where the agent makes a directory at the first start, for the modules of the kernel: one less to make there. */
const MODULES = '/usr/lib/modules';

/** Every user of the guest reads these. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
const LINK_MODE = 0o777;
const NOTHING = Buffer.alloc(0);

/** The layer over a system from its packages: removes what belongs to this machine, has the recipe's files and links. */
export function recipeLayer(recipe: Pick<ImageRecipe, 'files' | 'links'>, modified: Timestamp): Layer {
  const owned = (mode: number): EntryMetadata => ({ mode, uid: 0, gid: 0, modified });
  return {
    async *entries() {
      for (const [path] of LEFTOVERS) yield entry('file', whiteoutOf(path), owned(FILE_MODE));
      yield entry('directory', MODULES, owned(DIRECTORY_MODE));
      for (const { path, text } of [...WRITTEN_BY_AGENT, ...recipe.files])
        yield { ...entry('file', path, owned(FILE_MODE)), ...holding(Buffer.from(text)) };
      for (const { path, to } of recipe.links)
        yield { ...entry('symlink', path, owned(LINK_MODE)), linkName: Buffer.from(to) };
    },
  };
}

/** The name that hides another one in the layers below (image specification, layer.md, "Whiteouts"). */
function whiteoutOf(path: string): string {
  return path.replace(/[^/]+$/, '.wh.$&');
}

function entry(kind: TarKind, path: string, metadata: EntryMetadata): TarEntry {
  const none = { linkName: NOTHING, size: 0, offset: undefined, major: 0, minor: 0, content: [] };
  return { kind, name: Buffer.from(path), metadata, ...none };
}

function holding(content: Buffer): Pick<TarEntry, 'size' | 'content'> {
  return { size: content.length, content: [content] };
}
