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
])('%s', (image, absolute) => expect(absoluteImage(parseImage(image), '/here')).toBe(absolute));

test.each(['', 'a\nb', 'a\0', 'x'.repeat(4096)])('refuses %j', (image) =>
  expect(() => parseImage(image)).toThrow(expect.objectContaining({ code: 'name_invalid' })),
);
