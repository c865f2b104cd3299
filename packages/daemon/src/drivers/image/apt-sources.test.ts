import { describe, expect, test } from 'vitest';
import { FakeRunner } from '../../host/fake-runner.ts';
import { hostSources, parseIndexTargets } from './apt-sources.ts';

const { signal } = new AbortController();

function target(change: Readonly<Record<string, string>> = {}): string {
  const fields = {
    'Created-By': 'Packages',
    Origin: 'Debian',
    Trusted: 'yes',
    Architecture: 'amd64',
    Codename: 'bookworm',
    Release: 'bookworm',
    Component: 'main',
    'Repo-URI': 'http://mirror.example.org/debian/',
    ...change,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

describe('the machine’s own sources', () => {
  test('suite, updates and security, components of one source together', () => {
    const text = [
      target(),
      target({ Component: 'contrib' }),
      target({ Codename: 'bookworm-updates', Release: 'bookworm-updates' }),
      target({
        Codename: 'bookworm-security',
        Release: 'bookworm-security',
        'Repo-URI': 'https://sec.example.org/debian-security/',
      }),
      target({ Codename: 'bookworm-backports', Release: 'bookworm-backports' }),
    ].join('\n');
    expect(parseIndexTargets(text, 'bookworm')).toEqual([
      'deb http://mirror.example.org/debian/ bookworm main contrib',
      'deb http://mirror.example.org/debian/ bookworm-updates main',
      'deb https://sec.example.org/debian-security/ bookworm-security main',
    ]);
  });

  test.each<readonly [string, Readonly<Record<string, string>>]>([
    ['a third party', { Origin: 'Elsewhere' }],
    ['an unsigned source', { Trusted: 'no' }],
    ['another architecture', { Architecture: 'arm64' }],
    ['a path of this machine', { 'Repo-URI': 'file:/srv/mirror/' }],
    ['a password', { 'Repo-URI': 'https://user:secret@mirror.example.org/debian/' }],
    ['options smuggled into an address', { 'Repo-URI': 'http://example.org/ [trusted=yes]' }],
    ['a strange release', { Release: 'bookworm main\ndeb' }],
    ['another suite', { Codename: 'trixie', Release: 'trixie' }],
    ['translations', { 'Created-By': 'Translations' }],
  ])('%s does not count', (_name, change) => {
    expect(parseIndexTargets(target(change), 'bookworm')).toEqual([]);
  });

  test('without the suite itself its updates are no source', () => {
    expect(
      parseIndexTargets(target({ Codename: 'bookworm-updates', Release: 'bookworm-updates' }), 'bookworm'),
    ).toEqual([]);
  });

  test('only settings of the way there come along', async () => {
    const config = [
      'Acquire::http::Proxy "http://proxy.example.org:3128/";',
      'Acquire::http::Proxy::mirror.example.org "DIRECT";',
      'Acquire::Check-Valid-Until "false";',
      'Acquire::AllowInsecureRepositories "true";',
      'APT::Get::AllowUnauthenticated "true";',
      'DPkg::Post-Invoke:: "rm -rf /";',
      '',
    ].join('\n');
    const runner = new FakeRunner({ 'apt-get': () => target(), 'apt-config': () => config });
    expect((await hostSources(runner, 'bookworm', signal)).settings).toEqual(config.split('\n').slice(0, 3));
  });

  test('a machine without apt has none', async () => {
    expect(await hostSources(new FakeRunner({}), 'bookworm', signal)).toEqual({ lines: [], settings: [] });
  });
});
