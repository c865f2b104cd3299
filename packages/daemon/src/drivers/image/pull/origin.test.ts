import { expect, test } from 'vitest';
import { isArtifactName } from '../../../domain/artifact-name.ts';
import { readOrigin } from './origin.ts';

test.each([
  ['alpine', 'docker.io/library/alpine:latest', 'alpine'],
  ['alpine:3.19', 'docker.io/library/alpine:3.19', 'alpine-3.19'],
  ['localhost:5000/team/app', 'localhost:5000/team/app:latest', 'app'],
  [`team/app@sha256:${'a'.repeat(64)}`, `docker.io/team/app@sha256:${'a'.repeat(64)}`, 'app-aaaaaaaaaaaa'],
  [`app:1@sha256:${'a'.repeat(64)}`, `docker.io/library/app:1@sha256:${'a'.repeat(64)}`, 'app-1'],
  [`app:${'t'.repeat(128)}`, `docker.io/library/app:${'t'.repeat(128)}`, `app-${'t'.repeat(106)}`],
  ['oci:/srv/image', 'oci:/srv/image', 'image'],
  ['oci:/srv/image:team/app:1', 'oci:/srv/image:team/app:1', 'team-app-1'],
  ['oci-archive:/srv/app.oci.tar', 'oci-archive:/srv/app.oci.tar', 'app'],
  ['docker-archive:/srv/.tar', 'docker-archive:/srv/.tar', 'image'],
  ['oci:/', 'oci:/', 'image'],
  ['bundle:/srv/app.tar.zst', 'bundle:/srv/app.tar.zst', 'app'],
  ['bundle:/srv/my.app-0123456789ab.tar.zst', 'bundle:/srv/my.app-0123456789ab.tar.zst', 'my.app'],
  ['bundle:/srv/a:b', 'bundle:/srv/a:b', 'a-b'],
  ['tarball:/srv/my.root.tar', 'tarball:/srv/my.root.tar', 'my.root'],
  ['tarball:/srv/a:b.tar.gz', 'tarball:/srv/a:b.tar.gz', 'a-b'],
  ['tarball:/srv/app.tgz', 'tarball:/srv/app.tgz', 'app'],
  [`tarball:upload:${'a'.repeat(64)}`, `tarball:upload:${'a'.repeat(64)}`, 'image'],
  [
    `bundle:https://h.example/x/app.tar.zst@sha256:${'a'.repeat(64)}`,
    `bundle:https://h.example/x/app.tar.zst@sha256:${'a'.repeat(64)}`,
    'app',
  ],
])('%s', (text, full, name) => {
  const origin = readOrigin(text);
  expect(origin).toMatchObject({ text: full, defaultName: name });
  expect(readOrigin(full)).toEqual(origin);
  expect([name, origin.otherName].every(isArtifactName)).toBe(true);
});

test.each([
  '',
  'No-Such',
  '_',
  'a b',
  'oci:',
  'oci:image',
  'oci-archive:../x',
  'docker-archive::x',
  'dir:/x',
  'bundle:',
  'bundle:x',
  'tarball:',
  'tarball:x',
  'tarball:upload:a',
  '/srv/app.tar',
  './app.tar',
  'bundle:https://h.example/x',
  'bundle:https://h.example/x@sha256:0',
  `bundle:https://u:p@h.example/x@sha256:${'a'.repeat(64)}`,
  `bundle:https://h.example/x?q@sha256:${'a'.repeat(64)}`,
  `bundle:ftp://h.example/x@sha256:${'a'.repeat(64)}`,
])('refuses %j', (text) =>
  expect(() => readOrigin(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' })),
);

test('one that is called otherwise is told from others of its name', () => {
  const names = ['alpine', 'registry.example/team/alpine', 'localhost/alpine'].map(
    (text) => readOrigin(text).otherName,
  );
  expect(new Set(names).size).toBe(3);
});
