/** A line of text that must not be in the repository. */
export interface TextRule {
  readonly name: string;
  /** Why, for whoever meets it. */
  readonly message: string;
  /** True when the line breaks the rule. */
  readonly breaks: (line: string) => boolean;
}

/** Top-level directories that every Linux machine has (Filesystem Hierarchy Standard 3.0, plus the kernel's own). */
const STANDARD_DIRECTORIES =
  'bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var'.split(' ');

/** Services that packages, images and archives are fetched from; addresses come from the machine's configuration. */
const HOSTS =
  /\b(registry\.npmjs\.org|registry\.yarnpkg\.com|(deb|ftp|security|snapshot|cloud)\.debian\.org|archive\.ubuntu\.com|cloud-images\.ubuntu\.com|registry-1\.docker\.io|auth\.docker\.io|index\.docker\.io|quay\.io|ghcr\.io|gcr\.io|pypi\.org|files\.pythonhosted\.org|proxy\.golang\.org|crates\.io|nodejs\.org\/dist)\b/;

/** A comment that switches checking off: linter, formatter, compiler, shellcheck, C analyser. */
const DISABLES =
  /(\/\/|\/\*|#)\s*((oxlint|eslint)-disable|(oxfmt|prettier)-ignore\b|@ts-(ignore|expect-error|nocheck)\b|shellcheck disable=|NOLINT)/;
/** What must follow on the line. */
const REASON = /\s(--|#)\s+\S/;

/** The rules for a checkout that lies at `root`. */
export function textRules(root: string): readonly TextRule[] {
  const path = machinePath(root);
  return [
    {
      name: 'machine-path',
      message: 'names a path of this one machine',
      breaks: (line) => path?.test(line) === true,
    },
    {
      name: 'registry-host',
      message: 'names a server; addresses come from the configuration of the machine',
      breaks: (line) => HOSTS.test(line),
    },
    {
      name: 'disable-needs-reason',
      message: 'switches a check off without saying why, after ` -- `',
      breaks: (line) => DISABLES.test(line) && !REASON.test(line.slice(DISABLES.exec(line)?.index)),
    },
  ];
}

/**
 * Where the checkout lies; or, where its top-level directory is one that other machines have not, anything below that.
 * A checkout right below the root of the file system may have the name of anything, and tells nothing.
 */
function machinePath(root: string): RegExp | undefined {
  const [, top = '', next] = root.split('/');
  if (next === undefined) return undefined;
  const path = STANDARD_DIRECTORIES.includes(top) ? root : `/${top}`;
  return new RegExp(`(^|[\\s'"\`(=:])${RegExp.escape(path)}(?=/|[\\s'"\`),.;:]|$)`);
}
