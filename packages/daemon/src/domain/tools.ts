/** A program of the host that banger needs, and where it comes from. */
export interface Tool {
  readonly program: string;
  /** What banger does with it. */
  readonly purpose: string;
  /** Its package by family of distributions; undefined where the distribution has none. */
  readonly packages: Readonly<Record<PackageFamily, string | undefined>>;
}

/** Families of distributions by their package manager. */
export type PackageFamily = 'debian' | 'fedora' | 'arch';

/** The command that installs packages, by family. */
const installCommands: Readonly<Record<PackageFamily, string>> = {
  debian: 'sudo apt-get install',
  fedora: 'sudo dnf install',
  arch: 'sudo pacman -S',
};

const tool = (
  program: string,
  purpose: string,
  debian: string,
  fedora: string,
  arch: string | undefined,
): Tool => ({
  program,
  purpose,
  packages: { debian, fedora, arch },
});

/** Every program that banger starts on the host: the `run` rows of `scripts/packages.txt`; a test keeps them equal. */
export const tools: readonly Tool[] = [
  tool(
    'qemu-system-x86_64',
    'runs the microVMs',
    'qemu-system-x86',
    'qemu-system-x86-core',
    'qemu-system-x86',
  ),
  tool('qemu-img', 'makes and checks the copy-on-write root disks', 'qemu-utils', 'qemu-img', 'qemu-img'),
  tool('mke2fs', 'makes empty work disks', 'e2fsprogs', 'e2fsprogs', 'e2fsprogs'),
  tool('resize2fs', 'enlarges work disks', 'e2fsprogs', 'e2fsprogs', 'e2fsprogs'),
  tool('mmdebstrap', 'builds the Debian images', 'mmdebstrap', 'mmdebstrap', undefined),
  tool('tar', 'packs what images are built from', 'tar', 'tar', 'tar'),
  tool('unshare', 'builds images in namespaces of their own', 'util-linux', 'util-linux', 'util-linux'),
  tool('setpriv', 'ends a build with whatever started it', 'util-linux', 'util-linux', 'util-linux'),
  tool('newuidmap', 'lets a plain user build images', 'uidmap', 'shadow-utils', 'shadow'),
  tool('apt-get', 'fetches the packages of images and kernels', 'apt', 'apt', 'apt'),
  tool('xz', 'unpacks XZ kernels, modules and packages', 'xz-utils', 'xz', 'xz'),
  tool('depmod', 'lists what modules need for modprobe in the guest', 'kmod', 'kmod', 'kmod'),
  tool('passt', 'gives the guest a network without privileges', 'passt', 'passt', 'passt'),
];

/** The family of a distribution from its os-release `ID` and `ID_LIKE`; undefined when we do not know it. */
export function familyOf(ids: readonly string[]): PackageFamily | undefined {
  for (const id of ids) {
    if (id === 'debian' || id === 'ubuntu') return 'debian';
    if (id === 'fedora' || id === 'rhel' || id === 'centos') return 'fedora';
    if (id === 'arch') return 'arch';
  }
  return undefined;
}

/** The command that installs a tool on a distribution, or where else to look. */
export function installHint(tool: Tool, family: PackageFamily | undefined): string {
  const packageName = family === undefined ? undefined : tool.packages[family];
  if (family === undefined || packageName === undefined)
    return `Install the package that has \`${tool.program}\` (${tool.packages.debian} on Debian).`;
  return `${installCommands[family]} ${packageName}`;
}
