import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HUB, HUB_LEGACY } from './docker-hub.ts';
import { isRegistryHost, readReference, referenceText, type ImageReference } from './reference.ts';

const f = 'f'.repeat(64);
const digest = `sha256:${f}`;
const identifier = '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a';

/** The cases of distribution/reference: `reference_test.go` and `normalize_test.go`, as clients read what a person writes. */
test.each<[string, string]>([
  // TestReferenceParse
  ['test_com', `${HUB}/library/test_com:latest`],
  ['test.com:tag', `${HUB}/library/test.com:tag`],
  ['test.com:5000', `${HUB}/library/test.com:5000`],
  ['test.com/repo:tag', 'test.com/repo:tag'],
  ['test:5000/repo', 'test:5000/repo:latest'],
  ['test:5000/repo:tag', 'test:5000/repo:tag'],
  [`test:5000/repo@${digest}`, `test:5000/repo@${digest}`],
  [`test:5000/repo:tag@${digest}`, `test:5000/repo:tag@${digest}`],
  [`validname@sha512:${f}${f}`, `${HUB}/library/validname@sha512:${f}${f}`],
  ['lowercase:Uppercase', `${HUB}/library/lowercase:Uppercase`],
  ['sub-dom1.foo.com/bar/baz/quux', 'sub-dom1.foo.com/bar/baz/quux:latest'],
  ['sub-dom1.foo.com/bar/baz/quux:some-long-tag', 'sub-dom1.foo.com/bar/baz/quux:some-long-tag'],
  [
    'b.test.io/test.example.com/my-app:test.example.com',
    'b.test.io/test.example.com/my-app:test.example.com',
  ],
  ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com/myimage:xn--n3h.com'],
  [`xn--7o8h.com/myimage:xn--7o8h.com@${digest}`, `xn--7o8h.com/myimage:xn--7o8h.com@${digest}`],
  ['foo_bar.com:8080', `${HUB}/library/foo_bar.com:8080`],
  ['foo/foo_bar.com:8080', `${HUB}/foo/foo_bar.com:8080`],
  ['192.168.1.1', `${HUB}/library/192.168.1.1:latest`],
  ['192.168.1.1:5000', `${HUB}/library/192.168.1.1:5000`],
  ['192.168.1.1/repo', '192.168.1.1/repo:latest'],
  ['192.168.1.1:5000/repo:5050', '192.168.1.1:5000/repo:5050'],
  ['[2001:db8::1]/repo', '[2001:db8::1]/repo:latest'],
  ['[2001:db8:1:2:3:4:5:6]/repo:tag', '[2001:db8:1:2:3:4:5:6]/repo:tag'],
  ['[2001:db8::1]:5000/repo:tag', '[2001:db8::1]:5000/repo:tag'],
  [`[2001:db8::1]:5000/repo:tag@${digest}`, `[2001:db8::1]:5000/repo:tag@${digest}`],
  ['[2001:db8::]:5000/repo', '[2001:db8::]:5000/repo:latest'],
  ['[::1]:5000/repo', '[::1]:5000/repo:latest'],
  [`example.com/${'a'.repeat(255)}:tag`, `example.com/${'a'.repeat(255)}:tag`],
  // TestValidateReferenceName, TestValidateRemoteName
  ['docker/docker', `${HUB}/docker/docker:latest`],
  ['debian', `${HUB}/library/debian:latest`],
  ['localhost/debian', 'localhost/debian:latest'],
  ['LOCALDOMAIN/library/debian', 'LOCALDOMAIN/library/debian:latest'],
  [`${HUB}/debian`, `${HUB}/library/debian:latest`],
  [`${HUB_LEGACY}/debian`, `${HUB}/library/debian:latest`],
  [`${HUB_LEGACY}/docker/docker`, `${HUB}/docker/docker:latest`],
  ['192.168.0.1:80', `${HUB}/library/192.168.0.1:80`],
  ['192.168.0.2:25000/debian', '192.168.0.2:25000/debian:latest'],
  ['[fc00:1:2:3:4:5:6:7]:5000/library/debian', '[fc00:1:2:3:4:5:6:7]:5000/library/debian:latest'],
  [`${HUB}/${identifier}`, `${HUB}/library/${identifier}:latest`],
  ['Docker/docker', 'Docker/docker:latest'],
  ['docker-rules/docker', `${HUB}/docker-rules/docker:latest`],
  ['docker---rules/docker', `${HUB}/docker---rules/docker:latest`],
  ['d/docker', `${HUB}/d/docker:latest`],
  ['dock__er/docker', `${HUB}/dock__er/docker:latest`],
  // TestParseRepositoryInfo
  ['library/foo/bar', `${HUB}/library/foo/bar:latest`],
  ['127.0.0.1:8000/private/moonbase', '127.0.0.1:8000/private/moonbase:latest'],
  ['FOO/bar', 'FOO/bar:latest'],
])('%s is %s', (text, full) => {
  expect(referenceText(readReference(text))).toBe(full);
  expect(readReference(full)).toEqual(readReference(text));
});

test.each([
  // TestReferenceParse
  '',
  ':justtag',
  `@${digest}`,
  'repo@sha256:ffffffffffffffffffffffffffffffffff',
  `validname@invaliddigest:${f}`,
  'Uppercase:tag',
  'test:5000/Uppercase/lowercase:tag',
  `domain/${'a'.repeat(256)}:tag`,
  'aa/asdf$$^/aa',
  '[2001:db8::1]',
  '[2001:db8::1]:5000',
  '[2001:db8::1]:tag',
  '[fe80::1%eth0]:5000/repo',
  '[fe80::1%@invalidzone]:5000/repo',
  // TestValidateReferenceName, TestValidateRemoteName
  'https://github.com/docker/docker',
  'docker/Docker',
  '-docker',
  '-docker/docker',
  '-docker.io/docker/docker',
  'docker///docker',
  'docker.io/docker/Docker',
  'docker.io/docker///docker',
  '[fc00::1]',
  'fc00::1:5000/debian',
  '[2001:db8:3:4::192.0.2.33]:5000/debian',
  identifier,
  'docker-/docker',
  '____/____',
  '_docker/_docker',
  'dock..er/docker',
  'dock_.er/docker',
  'dock-.er/docker',
  'docker/',
  `${'this_is_not_a_valid_namespace_'.repeat(9)}/docker`,
  // What the regular expressions there leave to others (TestDomainRegexp), and what a URL would misread.
  'test.com:750050/repo',
  'test.com:75050/repo',
  'test.com:0/repo',
  'test.com:/repo',
  '[fd00123123123]:5000/repo',
  'user@test.com/repo',
  'test.com/a/../b',
  'test.com/a?b',
  'test.com/a#b',
  'test.com/a%2fb',
  'test.com/a\n',
  'test.com/a:',
  'test.com/a:.b',
  `test.com/a:${'b'.repeat(129)}`,
  `test.com/a@sha256:${'F'.repeat(64)}`,
  `test.com/a@${digest}@${digest}`,
  'a'.repeat(5_000),
])('%j is refused', (text) => {
  expect(() => readReference(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }) as Error);
});

test('any text is refused, or has a full form that reads as the same', () => {
  const piece = fc.constantFrom(
    'a',
    'A',
    '1',
    '.',
    ':',
    '/',
    '@',
    '-',
    '_',
    '[',
    ']',
    '::1',
    'localhost',
    digest,
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  );
  const read = (written: string): ImageReference | undefined => {
    try {
      return readReference(written);
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(text, (written) => {
      const reference = read(written);
      if (reference === undefined) return;
      expect(isRegistryHost(reference.host)).toBe(true);
      expect(readReference(referenceText(reference))).toEqual(reference);
      // The name is a path of a URL as it is: nothing in it is more than a character.
      const url = new URL(`http://${reference.host}/v2/${reference.repository}/x`);
      expect(url.pathname).toBe(`/v2/${reference.repository}/x`);
    }),
    { numRuns: 3_000 },
  );
});
