import { expect, test } from 'vitest';
import { absoluteImage, parseImage } from './image.ts';

test.each([
  ['debian-bookworm', 'debian-bookworm'],
  ['localhost:5000/team/app:1', 'localhost:5000/team/app:1'],
  ['oci:image', 'oci:/here/image'],
  ['oci:../image:team/app:1', 'oci:/image:team/app:1'],
  ['oci-archive:/srv/a.tar', 'oci-archive:/srv/a.tar'],
  ['docker-archive:a.tar:app', 'docker-archive:/here/a.tar:app'],
  ['oci:', 'oci:'],
  ['bundle:app.tar.zst', 'bundle:/here/app.tar.zst'],
  [
    `bundle:https://mirror.example/app.tar.zst@sha256:${'a'.repeat(64)}`,
    `bundle:https://mirror.example/app.tar.zst@sha256:${'a'.repeat(64)}`,
  ],
  ['bundle:https://mirror.example/app.tar.zst', 'bundle:https://mirror.example/app.tar.zst'],
  ['bundle:/srv/app', 'bundle:/srv/app'],
  ['app.tar.zst', 'bundle:/here/app.tar.zst'],
  ['../a:b.tar.zst', 'bundle:/a:b.tar.zst'],
  ['oci-archive:app.tar.zst', 'oci-archive:/here/app.tar.zst'],
  ['tarball:root.tar.zst', 'tarball:/here/root.tar.zst'],
  ['tarball:../a:b.tar', 'tarball:/a:b.tar'],
  ['tarball:', 'tarball:'],
])('%s', (image, absolute) => expect(absoluteImage(parseImage(image), '/here')).toBe(absolute));

test.each(['', 'a\nb', 'a\0', 'x'.repeat(4096)])('refuses %j', (image) =>
  expect(() => parseImage(image)).toThrow(expect.objectContaining({ code: 'name_invalid' })),
);
