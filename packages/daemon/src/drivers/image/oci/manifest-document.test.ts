import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DocumentError } from './document.ts';
import { readManifestDocument } from './manifest-document.ts';
import { choosePlatform, platformNames } from './platform.ts';

const digest = `sha256:${'0'.repeat(64)}` as const;
const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';
const layer = (mediaType = `${OCI}.layer.v1.tar+gzip`, size = 10) => ({ mediaType, digest, size });
const config = { mediaType: `${OCI}.config.v1+json`, digest, size: 2 };
const read = (value: unknown, type?: string) =>
  readManifestDocument(Buffer.from(JSON.stringify(value)), type);
const kindOf = (value: unknown, type?: string): string => {
  try {
    return read(value, type).kind;
  } catch (thrown) {
    if (thrown instanceof DocumentError) return thrown.kind;
    throw thrown;
  }
};

test.each([
  `${OCI}.layer.v1.tar`,
  `${OCI}.layer.v1.tar+gzip`,
  `${OCI}.layer.v1.tar+zstd`,
  `${OCI}.layer.nondistributable.v1.tar+gzip`,
  `${DOCKER}.image.rootfs.diff.tar.gzip`,
  `${DOCKER}.image.rootfs.foreign.diff.tar.gzip`,
])('a layer of type %s is taken', (type) => {
  expect(read({ config, layers: [layer(type)] })).toMatchObject({ layers: [{ mediaType: type, bytes: 10 }] });
});

test.each<[string, unknown, string, string?]>([
  [
    'an OCI manifest',
    { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers: [] },
    'manifest',
    `${OCI}.manifest.v1+json; charset=utf-8`,
  ],
  [
    'a Docker manifest',
    { schemaVersion: 2, config: { ...config, mediaType: `${DOCKER}.container.image.v1+json` }, layers: [] },
    'manifest',
    `${DOCKER}.distribution.manifest.v2+json`,
  ],
  [
    'a Docker index',
    { schemaVersion: 2, mediaType: `${DOCKER}.distribution.manifest.list.v2+json`, manifests: [] },
    'index',
  ],
  ['one without any type', { manifests: [] }, 'index'],
  [
    'schema 1 by its type',
    { config, layers: [] },
    'unsupported',
    `${DOCKER}.distribution.manifest.v1+prettyjws`,
  ],
  ['schema 1 by its content', { schemaVersion: 1, fsLayers: [] }, 'unsupported'],
  ['an encrypted layer', { config, layers: [layer(`${OCI}.layer.v1.tar+gzip+encrypted`)] }, 'unsupported'],
  [
    'something else than an image',
    { config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' }, layers: [] },
    'unsupported',
  ],
  ['more than any disk', { config, layers: [layer(undefined, 2 ** 52)] }, 'unsupported'],
  [
    'more layers than any image',
    { config, layers: Array.from({ length: 1_001 }, () => layer()) },
    'unsupported',
  ],
  ['an index without measure', { manifests: Array.from({ length: 1_001 }, () => layer()) }, 'wrong'],
  // CVE-2021-41190
  ['both at once', { config, layers: [], manifests: [] }, 'wrong'],
  ['another than its answer says', { config, layers: [] }, 'wrong', `${OCI}.index.v1+json`],
  ['another than it says', { mediaType: `${OCI}.manifest.v1+json`, manifests: [] }, 'wrong'],
  ['neither', {}, 'wrong'],
  ['no object', [], 'wrong'],
  ['nothing', null, 'wrong'],
  ['a negative size', { config, layers: [layer(undefined, -1)] }, 'wrong'],
  ['a size past counting', { config, layers: [layer(undefined, 2 ** 60)] }, 'wrong'],
  [
    'a digest that leads elsewhere',
    { config: { ...config, digest: 'sha256:../../../etc/passwd' }, layers: [] },
    'wrong',
  ],
  ['a digest of MD5', { config: { ...config, digest: `md5:${'0'.repeat(32)}` }, layers: [] }, 'wrong'],
])('%s', (_what, value, kind, type) => {
  expect(kindOf(value, type)).toBe(kind);
});

test('the manifest of an index is ours, the least demanding, the first', () => {
  const entry = (os: string, architecture: string, variant = '', id = '0') => ({
    ...layer(),
    digest: `sha256:${id.repeat(64)}` as const,
    bytes: 1,
    platform: { os, architecture, variant },
    name: undefined,
  });
  const list = [
    entry('windows', 'amd64'),
    entry('linux', 'arm64', 'v8'),
    entry('unknown', 'unknown'),
    entry('linux', 'amd64', 'v3', '3'),
    entry('linux', 'amd64', 'v2', '2'),
  ];
  expect(choosePlatform(list)?.digest).toBe(`sha256:${'2'.repeat(64)}`);
  expect(
    choosePlatform([...list, entry('linux', 'amd64', '', 'a'), entry('linux', 'amd64')])?.digest,
  ).toMatch(/:a/);
  expect(choosePlatform(list.slice(0, 3))).toBeUndefined();
  expect(platformNames(list.slice(0, 3))).toBe('windows/amd64, linux/arm64/v8');
  expect(platformNames([entry('\x1b[31m', 'evil')])).toBe('none that is told');
  expect(choosePlatform([{ ...layer(), bytes: 1, platform: undefined, name: undefined }])).toBeDefined();
  expect(choosePlatform([])).toBeUndefined();
});

test('any document is read or refused', () => {
  const keys = [
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'digest',
    'size',
    'platform',
    'os',
    '__proto__',
  ];
  const leaf = fc.constantFrom<unknown>(
    digest,
    config,
    layer(),
    1,
    2,
    -1,
    1e300,
    '',
    null,
    `${OCI}.index.v1+json`,
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value')),
      fc.dictionary(fc.constantFrom(...keys), tie('value')),
    ),
  }));
  fc.assert(
    fc.property(value, (document) => {
      expect(['manifest', 'index', 'unsupported', 'wrong']).toContain(kindOf(document));
    }),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => readManifestDocument(bytes, undefined)).toThrow(DocumentError);
    }),
  );
  expect(() => readManifestDocument(Buffer.from('['.repeat(1_000_000)), undefined)).toThrow(DocumentError);
  const deep = `{"manifests":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
  expect(() => readManifestDocument(Buffer.from(deep), undefined)).toThrow(DocumentError);
});
