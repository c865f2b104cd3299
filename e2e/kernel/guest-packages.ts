import { appendFileSync, globSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRunner } from '@banger/daemon/host/execa-runner';

/** Below /usr/share. */
const NOT_RUN = ['doc', 'man', 'locale', 'bash-completion', 'fish', 'zsh'];

/** Lists and packages are some 40 MB, minutes on a slow line. */
const FETCH_TIMEOUT_MS = 10 * 60_000;

/**
 * Fetches the packages that a Debian guest lacks for those that are named, without what these only recommend and without `needless` and what
 * that needs, and answers an archive of the files in them without what nobody runs, which nothing has set up. It is the apt of this machine
 * that does so, told that the packages and sources are those of the guest's root disk: for the guest's own apt and dpkg that is minutes under
 * emulation. `directory` is a private one.
 */
export async function fetchGuestPackages(
  directory: string,
  rootDisk: string,
  names: readonly string[],
  needless: readonly string[],
): Promise<string> {
  const [apt, state, cache, archives, tree] = ['apt', 'state', 'cache', 'packages', 'tree'].map((name) =>
    join(directory, name),
  );
  for (const path of [`${state}/lists/partial`, `${archives}/partial`, `${cache}`, `${tree}`])
    mkdirSync(path, { recursive: true });
  const runner = createRunner();
  for (const request of [`rdump /etc/apt ${directory}`, `dump /var/lib/dpkg/status ${directory}/status`])
    await runner.run(['debugfs', '-R', request, rootDisk]);
  for (const name of needless)
    appendFileSync(
      join(directory, 'status'),
      `\nPackage: ${name}\nStatus: install ok installed\nVersion: 999\nArchitecture: amd64\n`,
    );
  const settings = [
    `Dir::Etc::SourceList=${apt}/sources.list`,
    `Dir::Etc::SourceParts=${apt}/sources.list.d`,
    `Dir::State=${state}`,
    `Dir::State::Status=${directory}/status`,
    `Dir::Cache=${cache}`,
    `Dir::Cache::Archives=${archives}`,
    // Root's apt would hand the download to the user _apt, who cannot enter a private directory.
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
  ].flatMap((setting) => ['-o', setting]);
  const options = { timeoutMs: FETCH_TIMEOUT_MS, env: { LC_ALL: 'C' } };
  await runner.run(['apt-get', '-q', ...settings, 'update'], options);
  const install = ['install', '--download-only', '--yes', '--no-install-recommends', ...names];
  await runner.run(['apt-get', '-q', ...settings, ...install], options);
  for (const file of globSync(`${archives}/*.deb`)) await runner.run(['dpkg-deb', '--extract', file, tree!]);
  const archive = join(directory, 'packages.tar');
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  const without = NOT_RUN.map((path) => `--exclude=./usr/share/${path}`);
  await runner.run([
    'tar',
    '--create',
    `--file=${archive}`,
    ...without,
    ...owner,
    `--directory=${tree}`,
    '.',
  ]);
  return archive;
}
